// Each mistake with its exact place and words. Snippets are put under a configuration that is right but for
// them.
#include "config/mistakes_in.h"

#include <gmock/gmock.h>

namespace weir::config {
namespace {

constexpr std::string_view kService = "services: {s: {vip: 192.0.2.9, ports: 80, pool: p}}\n";  // 1 line

TEST(Mistakes, OfTheFileAsAWhole) {
    expect_all(
        {
            {"",
             "f:1:1: the file is empty; begin with interfaces:, pools: and services:, see weir.yaml(5)\n"},
            {"# nothing\n",
             "f:1:1: the file is empty; begin with interfaces:, pools: and services:, see weir.yaml(5)\n"},
            {"{}",
             "f:1:1: the file is empty; begin with interfaces:, pools: and services:, see weir.yaml(5)\n"},
            {"hello", "f:1:1: the file is a single value; write a mapping of its settings\n"},
            {"\n- a\n", "f:2:1: the file is a list; write a mapping of its settings\n"},
        },
        "");
}

TEST(Mistakes, OfKeys) {
    expect_all(
        {
            {"servces: {}\n", "f:1:1: unknown key 'servces'; did you mean 'services'?\n"},
            {"foo: 1\n",
             "f:1:1: unknown key 'foo'; the file takes node, interfaces, vlans, admin, flows, icmp, "
             "unmatched, "
             "alerts, announce, bgp, sync, ipvs, proxy, watchdog, pools, services\n"},
            {"flows: {size: 2000, size: 3000}\n",
             "f:1:21: 'size' stands here again, after line 1; keep one of the two\n"},
            {"flows: {handshake: 1s}\n", "f:1:9: unknown key 'handshake'; flows takes size, timeouts\n"},
            {"flows: {timeouts: {size: 3000}}\n",
             "f:1:20: 'size' is not a setting of timeouts; it belongs to the flows around it\n"},
            {"? [a]\n: 1\n", "f:1:3: a key of the file is a list; write a setting's name\n"},
            {"a: &a {size: 2000}\nflows:\n  <<: *a\n",
             "f:1:1: unknown key 'a'; the file takes node, interfaces, vlans, admin, flows, icmp, unmatched, "
             "alerts, announce, bgp, sync, ipvs, proxy, watchdog, pools, services\n"
             "f:3:3: merge keys ('<<') are not read; alias a whole value or write the settings out\n"},
            {"pools:\n  a b: {static: [192.0.2.1]}\n",
             "f:2:3: 'a b' does not name a pool; write 1 to 64 letters, digits, '.', '_' and '-'\n"},
            {"pools:\n  p: {static: [192.0.2.1]}\n  p: {static: [192.0.2.1]}\n",
             "f:3:3: pool 'p' stands here again, after line 2; give each its own name\n"},
        },
        "");
}

TEST(Mistakes, SayWhatThisVersionHasInstead) {
    expect_all(
        {
            {"pools: {p: {queue: {}}}\n", "f:1:13: 'queue' is not available in this version; static is\n"},
        },
        "");
    expect_all(
        {
            {"engine: nfqueue",
             "f:3:60: engine 'nfqueue' is not available in this version; xdp, ipvs and proxy are\n"},
        },
        "interfaces: [eth0]\npools: {p: {static: [192.0.2.1]}}\nservices: {s: {vip: 192.0.2.9, ports: 80, "
        "pool: p, ",
        "}}\n");
}

TEST(Mistakes, OfTheHost) {
    expect_all(
        {
            {"node: {address: host}\n",
             "f:1:17: 'host' is not an IP address; write one such as 192.0.2.1 or 2001:db8::1\n"},
            {"node: {address: 224.0.0.1}\n",
             "f:1:17: 224.0.0.1 is not the address of a host; write one of this host's addresses\n"},
            {"node: 192.0.2.1\n", "f:1:7: 'node' is a single value; write a mapping of node settings\n"},
            {"node:\n", "f:1:1: 'node' is nothing; leave it out or write a mapping of node settings\n"},
            {"interfaces: eth0\n",
             "f:1:13: 'interfaces' is a single value; write a list of names and interface settings\n"},
            {"interfaces: [a-name-too-long-for-it]\n",
             "f:1:14: 'a-name-too-long-for-it' is not an interface's name; write 1 to 15 characters without "
             "'/', ':' and "
             "spaces\n"},
            {"interfaces: [{name: a/b}]\n",
             "f:1:21: 'a/b' is not an interface's name; write 1 to 15 characters without '/', ':' and "
             "spaces\n"},
            {"interfaces: [eth0, {name: eth0}]\n",
             "f:1:20: interface 'eth0' is in the list twice; keep one of the two\n"},
            {"interfaces: [{mode: auto}]\n",
             "f:1:14: the interface has no 'name'; add it, an interface's name\n"},
            {"interfaces: [{name: eth0, mode: nativ}]\n",
             "f:1:33: unknown mode 'nativ'; did you mean 'native'?\n"},
            {"interfaces: [{name: eth0, mode: off}]\n",
             "f:1:33: unknown mode 'off'; write auto, native or generic\n"},
            {"interfaces: [[eth0]]\n", "f:1:14: the interface is a list; write a mapping of its settings\n"},
            {"interfaces:\n  - eth0\n  -\n",
             "f:3:3: the interface is nothing; write a mapping of its settings\n"},
            {"unmatched: accept\n", "f:1:12: unknown unmatched 'accept'; write drop or pass\n"},
        },
        "");
}

TEST(Mistakes, OfFlows) {
    expect_all(
        {
            {"size: 1023", "f:1:15: 1023 is out of range; 'size' takes a number from 1024 to 67108864\n"},
            {"size: 99999999999999999999",
             "f:1:15: 99999999999999999999 is out of range; 'size' takes a number from 1024 to 67108864\n"},
            {"size: 1e6", "f:1:15: '1e6' is not a number; 'size' takes a number from 1024 to 67108864\n"},
            {"size: [2000]", "f:1:15: 'size' is a list; write a number from 1024 to 67108864\n"},
            {"timeouts: {udp: 30}",
             "f:1:25: '30' is not a duration; write a whole number and its unit: 500ms, 30s, 15m, 1h or "
             "14d\n"},
            {"timeouts: {udp: 2h}", "f:1:25: 2h is out of range; 'udp' takes a duration from 1s to 1h\n"},
            {"timeouts: {udp: -5s}", "f:1:25: -5s is out of range; 'udp' takes a duration from 1s to 1h\n"},
            {"timeouts: {udp: 9223372036854775807h}",
             "f:1:25: 9223372036854775807h is out of range; 'udp' takes a duration from 1s to 1h\n"},
            {"timeouts: {udp: 1500ms}",
             "f:1:25: 1500ms is not a whole number of seconds; 'udp' counts in seconds\n"},
            {"timeouts: 30s", "f:1:19: 'timeouts' is a single value; write a mapping of timeouts settings\n"},
        },
        "flows: {", "}\n");
}

TEST(Mistakes, OfPools) {
    expect_all(
        {
            {"  p: {}\n",
             "f:2:3: pool 'p' has no backends and no source of any; add 'static', a list of addresses\n"},
            {"  p:\n", "f:2:3: pool 'p' is nothing; write a mapping of its settings\n"},
            {"  p: {static: []}\n",
             "f:2:3: pool 'p' has no backends and no source of any; add 'static', a list of addresses\n"},
            {"  p: {static: 192.0.2.1}\n",
             "f:2:15: 'static' is a single value; write a list of addresses and backend settings\n"},
            {"  p: {static: [192.0.2.256]}\n",
             "f:2:16: '192.0.2.256' is not an IP address; write one such as 192.0.2.1 or 2001:db8::1\n"},
            {"  p: {static: [127.0.0.1]}\n",
             "f:2:16: 127.0.0.1 is a loopback address; write a unicast address that the network carries\n"},
            {"  p: {static: [{weight: 1}]}\n",
             "f:2:16: the backend has no 'address'; add it, an IP address\n"},
            {"  p: {static: [{address: 192.0.2.1, weight: 1001}]}\n",
             "f:2:45: 1001 is out of range; 'weight' takes a number from 0 to 1000\n"},
            {"  p: {static: [{address: 192.0.2.1, state: drain}]}\n",
             "f:2:44: unknown state 'drain'; write enabled, draining or disabled\n"},
            {"  p: {static: [192.0.2.1, {address: 192.0.2.1}]}\n",
             "f:2:37: backend 192.0.2.1 is in pool 'p' twice; keep one of the two\n"},
            {"  p: {static: [\"2001:db8::1\", \"2001:db8:0::1\"]}\n",
             "f:2:31: backend 2001:db8::1 is in pool 'p' twice; keep one of the two\n"},
        },
        "pools:\n");
}

TEST(Mistakes, OfServices) {
    expect_all(
        {
            {"vip: 224.0.0.1, ports: 80, pool: p",
             "f:3:21: 224.0.0.1 is a multicast address; write a unicast address that the network carries\n"},
            {"vip: \"::\", ports: 80, pool: p",
             "f:3:21: :: is the unspecified address; write a unicast address that the network carries\n"},
            {"vip: [], ports: 80, pool: p",
             "f:3:21: 'vip' is an empty list; write a list of IP addresses and prefixes, or one\n"},
            {"vip: [[192.0.2.9]], ports: 80, pool: p",
             "f:3:22: an item of 'vip' is a list; write a list of IP addresses and prefixes, or one\n"},
            {"vip: [192.0.2.9, 192.0.2.9], ports: 80, pool: p",
             "f:3:33: '192.0.2.9' is in 'vip' twice; keep one of the two\n"},
            {"ports: 80, pool: p",
             "f:3:12: service 's' has no 'vip'; add it, a list of IP addresses and prefixes, or one\n"},
            {"vip: 192.0.2.9, ports: 0, pool: p",
             "f:3:39: '0' is not a port; write one such as 80/tcp or 53/udp\n"},
            {"vip: 192.0.2.9, ports: [80, 80/tcp], pool: p",
             "f:3:44: '80/tcp' is in 'ports' twice; keep one of the two\n"},
            {"vip: 192.0.2.9, ports: 80, pool: pp",
             "f:3:49: there is no pool 'pp'; add it to pools: or name one of those\n"},
            {"vip: 192.0.2.9, ports: 80, pool: [p]", "f:3:49: 'pool' is a list; write the name of a pool\n"},
            {"vip: 192.0.2.9, ports: 80, pool: p, forward: dsrr",
             "f:3:61: unknown forward 'dsrr'; did you mean 'dsr'?\n"},
            {"vip: 192.0.2.9, ports: 80, pool: p, need: 0",
             "f:3:58: 0 is out of range; 'need' takes a number from 1 to 1000000\n"},
            {"vip: 192.0.2.9, ports: 80, pool: p, need: 3",
             "f:3:58: service 's' needs 3 backends but pool 'p' has 2; write 2 at most\n"},
            {"vip: 192.0.2.2, ports: 80, pool: p",
             "f:2:33: backend 192.0.2.2 is the VIP of service 's'; write the backend's own address\n"},
        },
        fmt::format("{}{}services: {{s: {{", kInterfaces, kPools), "}}\n");
}

TEST(Mistakes, OfVlansAndIcmp) {
    expect_all(
        {
            {"vlans: [10]\n", "f:1:8: 'vlans' is a list; write a mapping of VLAN ids to prefixes\n"},
            {"vlans: {0: 10.0.0.0/8}\n", "f:1:9: '0' is not a VLAN id; write a number from 1 to 4094\n"},
            {"vlans: {4095: 10.0.0.0/8}\n",
             "f:1:9: '4095' is not a VLAN id; write a number from 1 to 4094\n"},
            {"vlans: {ten: 10.0.0.0/8}\n", "f:1:9: 'ten' is not a VLAN id; write a number from 1 to 4094\n"},
            {"vlans: {10: 10.0.0.0/8, 010: 11.0.0.0/8}\n",
             "f:1:25: VLAN 10 stands here again; write its prefixes in one list\n"},
            {"vlans: {10: }\n", "f:1:9: VLAN 10 is nothing; write a list of prefixes, or one\n"},
            {"vlans: {10: []}\n", "f:1:13: VLAN 10 is an empty list; write a list of prefixes, or one\n"},
            {"vlans: {10: [[10.0.0.0/8]]}\n",
             "f:1:14: a prefix of VLAN 10 is a list; write ADDRESS/LENGTH\n"},
            {"vlans: {10: 10.0.0.1}\n", "f:1:13: '10.0.0.1' has no length; write ADDRESS/LENGTH\n"},
            {"vlans: {10: [10.0.0.0/8], 20: [10.1.0.0/16]}\n",
             "f:1:32: 10.1.0.0/16 overlaps with 10.0.0.0/8 of VLAN 10; keep one of the two\n"},
            {"vlans: {10: [10.1.0.0/16, 10.1.0.0/16]}\n",
             "f:1:27: 10.1.0.0/16 overlaps with 10.1.0.0/16 of VLAN 10; keep one of the two\n"},
            {"icmp: {echo: 1}\n", "f:1:14: unknown echo '1'; write true or false\n"},
            {"icmp: {rate: 1000001}\n",
             "f:1:14: 1000001 is out of range; 'rate' takes a number from 0 to 1000000\n"},
        },
        "");
}

TEST(Mistakes, OfSchedulers) {
    expect_all(
        {
            {"magelv", "f:3:63: unknown scheduler 'magelv'; did you mean 'maglev'?\n"},
            {"{maglev: {size: 65536}}",
             "f:3:79: 65536 is not a prime, which the size of a table must be; 65537 is the next\n"},
            {"{maglev: {size: 3}}", "f:3:79: 3 is out of range; 'size' takes a number from 5 to 5000011\n"},
            {"{maglev: {size: 5000010}}",
             "f:3:79: 5000010 is not a prime, which the size of a table must be; 5000011 is the next\n"},
            {"{maglev: 65537}", "f:3:72: maglev is a single value; write a mapping of its settings\n"},
            {"{maglev: {}, rendezvous: {}}",
             "f:3:63: this does not name one scheduler; write it as in 'maglev: {size: 65537}'\n"},
            {"{maglev: {size: 65537, need: 1}}",
             "f:3:86: 'need' is not a setting of maglev; it belongs to the service around it\n"},
            {"[maglev]", "f:3:63: 'scheduler' is a list; write maglev, rendezvous, wlc, rr or random\n"},
        },
        fmt::format("{}{}services: {{s: {{vip: 192.0.2.9, ports: 80, pool: p, scheduler: ", kInterfaces,
                    kPools),
        "}}\n");
}

TEST(Mistakes, OfATableThatIsSmallerThanItsPool) {
    EXPECT_EQ(mistakes_in(
                  "interfaces: [eth0]\n"
                  "pools: {p: {static: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6]}}\n"
                  "services: {s: {vip: 192.0.2.9, ports: 80, pool: p, scheduler: {maglev: {size: 5}}}}\n"),
              "f:3:79: a table of 5 entries is too small for the 6 backends of pool 'p'; write a prime of "
              "100 times their "
              "number\n");
}

TEST(Mistakes, OfTwoServicesThatWantTheSame) {
    EXPECT_EQ(mistakes_in(fmt::format("{}{}services:\n"
                                      "  z: {{vip: 192.0.2.9, ports: [80, 81], pool: p}}\n"
                                      "  a: {{vip: 192.0.2.9, ports: [79, 81, 81/udp], pool: p}}\n",
                                      kInterfaces, kPools)),
              "f:5:35: 192.0.2.9:81/tcp is already in service 'z' at line 4; choose another port or VIP\n");
}

TEST(Mistakes, OfServicesWithoutAnInterface) {
    EXPECT_EQ(mistakes_in(fmt::format("{}{}", kPools, kService)),
              "f:2:12: service 's' has no interface to take packets from; add 'interfaces: [NAME]'\n");
    // One mistake, not two, where the interfaces are there but wrong.
    EXPECT_EQ(
        mistakes_in(fmt::format("interfaces: [a/b]\n{}{}", kPools, kService)),
        "f:1:14: 'a/b' is not an interface's name; write 1 to 15 characters without '/', ':' and spaces\n");
}

TEST(Mistakes, OfAPoolThatIsMistypedNameTheNearest) {
    EXPECT_EQ(mistakes_in("interfaces: [eth0]\npools: {workers: {static: [192.0.2.1]}}\n"
                          "services: {s: {vip: 192.0.2.9, ports: 80, pool: wrokers}}\n"),
              "f:3:49: there is no pool 'wrokers'; did you mean 'workers'?\n");
}

TEST(Mistakes, OfMoreTargetsThanTheDatapathNumbers) {
    auto config_with = [](int ports) {
        std::string text =
            "interfaces: [eth0]\npools: {p: {static: [192.0.2.1, 192.0.2.2, 192.0.2.3]}}\nservices:\n";
        for (int s = 0; s < 2; s++) {
            text += fmt::format("  s{}: {{vip: 192.0.2.{}, pool: p, ports: [", s, 10 + s);
            for (int port = 1; port <= ports; port++) text += fmt::format("{},", port);
            text += "]}\n";
        }
        return text;
    };
    EXPECT_EQ(mistakes_in(config_with(43690)), "");  // 2 × 43690 × 3 = 262140
    EXPECT_EQ(mistakes_in(config_with(43691)),
              "f:5:3: with service 's1' there are more than 262143 targets (VIPs × ports × backends, "
              "summed); write fewer\n");
}

TEST(Mistakes, AreAllReportedInTheOrderOfTheText) {
    EXPECT_EQ(mistakes_in(R"(services:
  web:
    vip: 192.0.2.100
    ports: [80/tpc]
    pool: wbe
    shceduler: maglev
    checks:
      - http: {path: /alive}
        timeout: 5s
pools:
  web:
    static: [192.0.2.11, 192.0.2.11]
interfaces: [eth0]
)"),
              "f:4:13: unknown protocol 'tpc'; write 80/tcp or 80/udp\n"
              "f:5:11: there is no pool 'wbe'; did you mean 'web'?\n"
              "f:6:5: unknown key 'shceduler'; did you mean 'scheduler'?\n"
              "f:9:18: the timeout 5s is longer than the interval 2s; write 2s at most\n"
              "f:12:26: backend 192.0.2.11 is in pool 'web' twice; keep one of the two\n");
}

TEST(Mistakes, OfOneAnchorAreReportedOnce) {
    EXPECT_EQ(mistakes_in(fmt::format("{}{}services:\n"
                                      "  a: {{vip: 192.0.2.8, ports: 80, pool: p, checks: &c [pnig]}}\n"
                                      "  b: {{vip: 192.0.2.9, ports: 80, pool: p, checks: *c}}\n",
                                      kInterfaces, kPools)),
              "f:4:55: unknown check 'pnig'; write tcp, syn, http, https, dns, exec, udp or icmp\n");
}

TEST(Mistakes, AreShortLinesWhateverStandsInTheFile) {
    auto text = mistakes_in(fmt::format("unmatched: \"{}\\n\\e[31m\"\n", std::string(100000, 'x')));
    EXPECT_LT(text.size(), 700u);
    EXPECT_THAT(text, testing::StartsWith("f:1:12: unknown unmatched 'xxx"));
    EXPECT_THAT(text, testing::HasSubstr("…"));
    EXPECT_THAT(text, testing::EndsWith("\\x0a\\x1b[31m'; write drop or pass\n"));
}

}  // namespace
}  // namespace weir::config
