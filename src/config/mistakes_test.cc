// Each mistake with its exact place and words. Snippets are put under a configuration that is right but for
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace weir::config {
namespace {

std::string mistakes_in(std::string_view yaml) {
    auto loaded = parse(yaml);
    return loaded ? "" : describe("f", loaded.error());
}

struct Row {
    std::string_view text;
    std::string_view mistakes;
};

constexpr std::string_view kPools = "pools: {p: {static: [192.0.2.1, 192.0.2.2]}}\n";           // 1 line
constexpr std::string_view kInterfaces = "interfaces: [eth0]\n";                                // 1 line
constexpr std::string_view kService = "services: {s: {vip: 192.0.2.9, ports: 80, pool: p}}\n";  // 1 line

void expect_all(const std::vector<Row>& rows, std::string_view before, std::string_view after = "") {
    for (const auto& [text, mistakes] : rows)
        EXPECT_EQ(mistakes_in(fmt::format("{}{}{}", before, text, after)), mistakes) << text;
}

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
             "pools, services\n"},
            {"flows: {size: 2000, size: 3000}\n",
             "f:1:21: 'size' stands here again, after line 1; keep one of the two\n"},
            {"flows: {handshake: 1s}\n", "f:1:9: unknown key 'handshake'; flows takes size, timeouts\n"},
            {"flows: {timeouts: {size: 3000}}\n",
             "f:1:20: 'size' is not a setting of timeouts; it belongs to the flows around it\n"},
            {"? [a]\n: 1\n", "f:1:3: a key of the file is a list; write a setting's name\n"},
            {"a: &a {size: 2000}\nflows:\n  <<: *a\n",
             "f:1:1: unknown key 'a'; the file takes node, interfaces, vlans, admin, flows, icmp, unmatched, "
             "pools, services\n"
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
            {"bgp: {asn: 65000}\n",
             "f:1:1: 'bgp' is not available in this version; a static route to the VIPs on the router is\n"},
            {"sync: {}\n",
             "f:1:1: 'sync' is not available in this version; consistent hashing, by which balancers choose "
             "alike, is\n"},
            {"admin: {listen: 127.0.0.1:1, token: x}\n",
             "f:1:30: 'token' is not available in this version; listening on loopback, which needs none, "
             "is\n"},
            {"pools: {p: {etcd: {}}}\n",
             "f:1:9: pool 'p' has no 'static'; add it, a list of addresses and backend settings\n"
             "f:1:13: 'etcd' is not available in this version; static is\n"},
        },
        "");
    expect_all(
        {
            {"forward: proxy",
             "f:3:61: forward 'proxy' is not available in this version; dsr, ipip, gre, fou, gue, dscp and "
             "nat are\n"},
            {"scheduler: wlc",
             "f:3:63: scheduler 'wlc' is not available in this version; maglev and rendezvous are\n"},
            {"scheduler: {rr: {}}",
             "f:3:64: scheduler 'rr' is not available in this version; maglev and rendezvous are\n"},
            {"engine: ipvs",
             "f:3:52: 'engine' is not available in this version; the one that follows from forward: is\n"},
            {"checks: [{dns: {}}]", "f:3:62: 'dns' is not available in this version; tcp and http are\n"},
            {"checks: [syn]", "f:3:61: 'syn' is not available in this version; tcp and http are\n"},
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
            {"admin: {listen: 0.0.0.0:9070}\n",
             "f:1:17: 0.0.0.0:9070 is not on loopback and needs tls: and token:, which are not available in "
             "this version; "
             "listen on 127.0.0.1:9070\n"},
            {"admin: {listen: 9070}\n", "f:1:17: '9070' has no port; write ADDRESS:PORT\n"},
            {"admin: {}\n", "f:1:8: admin has no 'listen'; add it, a loopback ADDRESS:PORT\n"},
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
             "f:1:25: '30' is not a duration; write a whole number and its unit: 500ms, 30s, 15m or 1h\n"},
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
             "f:2:3: pool 'p' has no 'static'; add it, a list of addresses and backend settings\n"},
            {"  p:\n", "f:2:3: pool 'p' is nothing; write a mapping of its settings\n"},
            {"  p: {static: []}\n",
             "f:2:15: 'static' is an empty list; write a list of addresses and backend settings\n"},
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

/// Settings of a service of which the VIP 198.51.100.1, the port 80 and the pool are given, from column 12 of
/// line 3 on. (The pool's backends are at 21 and 32 of line 2.)
std::string with_service(std::string_view settings) {
    return mistakes_in(fmt::format("{}{}services: {{s: {{{}, pool: p}}}}\n", kInterfaces, kPools, settings));
}

void expect_each(const std::vector<Row>& rows) {
    for (const auto& [text, mistakes] : rows) EXPECT_EQ(with_service(text), mistakes) << text;
}

TEST(Mistakes, OfVipPrefixes) {
    expect_each({
        {"ports: 80, vip: 198.51.100.1/24",
         "f:3:32: '198.51.100.1/24' has bits set behind its length of 24; clear them or write a longer "
         "one\n"},
        {"ports: 80, vip: 198.51.100.0/33",
         "f:3:32: '198.51.100.0/33' has no such length; write a number up to 32\n"},
        {"ports: 80, vip: 0.0.0.0/0", "f:3:32: 0.0.0.0/0 is too wide here; write a length of 8 at least\n"},
        {"ports: 80, vip: 198.0.0.0/7",
         "f:3:32: 198.0.0.0/7 is too wide here; write a length of 8 at least\n"},
        {"ports: 80, vip: \"2001::/15\"",
         "f:3:32: '2001::/15' has bits set behind its length of 15; clear them or write a longer one\n"},
        {"ports: 80, vip: \"fe00::/16\"", ""},
        {"ports: 80, vip: 127.0.0.0/24",
         "f:3:32: 127.0.0.0/24 has a loopback address in it; write unicast addresses that the network "
         "carries\n"},
        {"ports: 80, vip: 224.0.0.0/8",
         "f:3:32: 224.0.0.0/8 has a multicast address in it; write unicast addresses that the network "
         "carries\n"},
        {"ports: 80, vip: \"::/16\"",
         "f:3:32: ::/16 has a loopback address in it; write unicast addresses that the network carries\n"},
        {"ports: 80, vip: [198.51.100.9, 198.51.100.9/32]",
         "f:3:47: '198.51.100.9/32' is in 'vip' twice; keep one of the two\n"},
        {"ports: 80, vip: 192.0.2.0/24",
         "f:2:22: backend 192.0.2.1 is in the VIP 192.0.2.0/24 of service 's'; write the backend's own "
         "address\n"
         "f:2:33: backend 192.0.2.2 is in the VIP 192.0.2.0/24 of service 's'; write the backend's own "
         "address\n"},
    });
}

TEST(Mistakes, OfPortsAndProtocols) {
    expect_each({
        {"vip: 198.51.100.1, ports: 90-80/udp",
         "f:3:42: the range '90-80' does not rise; write the lower port before the higher\n"},
        {"vip: 198.51.100.1, ports: 80-80",
         "f:3:42: the range '80-80' does not rise; write the lower port before the higher\n"},
        {"vip: 198.51.100.1, ports: 80-/tcp",
         "f:3:42: '80-/tcp' is not a port; write one such as 80/tcp or 53/udp\n"},
        {"vip: 198.51.100.1, ports: 80-70000/tcp",
         "f:3:42: '80-70000/tcp' is not a port; write one such as 80/tcp or 53/udp\n"},
        {"vip: 198.51.100.1, ports: 80/gre",
         "f:3:42: '80/gre' names a port, which only tcp, udp and sctp have; write any/gre\n"},
        {"vip: 198.51.100.1, ports: 80/any",
         "f:3:42: '80/any' names a port, which only tcp, udp and sctp have; write any\n"},
        {"vip: 198.51.100.1, ports: any/icpm",
         "f:3:42: unknown protocol 'icpm'; write any/tcp, any/gre or any/47, or any alone\n"},
        {"vip: 198.51.100.1, ports: any/0",
         "f:3:42: unknown protocol '0'; write any/tcp, any/gre or any/47, or any alone\n"},
        {"vip: 198.51.100.1, ports: any/256",
         "f:3:42: unknown protocol '256'; write any/tcp, any/gre or any/47, or any alone\n"},
        {"vip: 198.51.100.1, ports: any/",
         "f:3:42: unknown protocol ''; write any/tcp, any/gre or any/47, or any alone\n"},
        {"vip: 198.51.100.1, ports: [any/gre, any/47]",
         "f:3:52: 'any/47' is in 'ports' twice; keep one of the two\n"},
        {"vip: 198.51.100.1, ports: any/icmp, forward: nat",
         "f:3:42: service 's' has 'forward: nat', which carries tcp and udp alone; write those protocols\n"},
        {"vip: 198.51.100.1, ports: [80, any], forward: {dscp: {value: 1}}",
         "f:3:47: service 's' has 'forward: dscp', which carries tcp and udp alone; write those protocols\n"},
        {"vip: 198.51.100.1, ports: [any/tcp, any/udp], forward: nat", ""},
    });
}

TEST(Mistakes, OfForwarding) {
    expect_each({
        {"vip: 198.51.100.1, ports: 80, forward: dscp",
         "f:3:55: dscp needs the value to set; write '{dscp: {value: 10}}'\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {dscp: {}}",
         "f:3:62: dscp has no 'value'; add it, a number from 1 to 63\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {dscp: {value: 64}}",
         "f:3:70: 64 is out of range; 'value' takes a number from 1 to 63\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {gue: {prot: 1}}",
         "f:3:62: unknown key 'prot'; did you mean 'port'?\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {gue: 6080}",
         "f:3:61: gue is a single value; write a mapping of its settings\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {port: 1}}",
         "f:3:63: unknown key 'port'; ipip takes source\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {fou: {}, gue: {}}",
         "f:3:55: this does not name one forward; write it as in 'gue: {port: 6080}'\n"},
        {"vip: 198.51.100.1, ports: 80, forward: [gue]",
         "f:3:55: 'forward' is a list; write dsr, ipip, gre, fou, gue, dscp or nat\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {proxy: {}}",
         "f:3:56: forward 'proxy' is not available in this version; dsr, ipip, gre, fou, gue, dscp and nat "
         "are\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {source: 10.0.0.0/15}}",
         "f:3:71: 10.0.0.0/15 is too wide here; write a length of 16 at least\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {source: [\"2001:db8::/111\", 10.0.0.1]}}",
         "f:3:72: 2001:db8::/111 is too wide here; write a length of 112 at least\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {source: [10.0.0.1, 10.0.0.2]}}",
         "f:3:82: 10.0.0.2 is the second source of its family; keep one of the two\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {source: 127.0.0.1}}",
         "f:3:71: 127.0.0.1 is a loopback address; write a unicast address that the network carries\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {source: []}}",
         "f:3:71: 'source' is an empty list; write a list of addresses and prefixes, or one\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {nat: {source: 198.51.100.0/24}}",
         "f:3:55: the source 198.51.100.0/24 and the VIP 198.51.100.1 of service 's' overlap; write "
         "addresses of their own\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {nat: {source: 192.0.2.2}}",
         "f:3:55: the source 192.0.2.2 takes in the backend 192.0.2.2 of pool 'p'; write addresses of their "
         "own\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {ipip: {source: \"2001:db8::1\"}}",
         "f:3:55: there is no IPv4 source for the IPv4 backends of pool 'p'; add one, or leave 'source' "
         "out\n"},
        {"vip: [198.51.100.1, \"2001:db8::1\"], ports: 80, forward: nat",
         "f:2:22: backend 192.0.2.1 is of another family than the VIP 2001:db8::1 of service 's', which "
         "'forward: nat' cannot cross; give each family a service and a pool\n"
         "f:2:33: backend 192.0.2.2 is of another family than the VIP 2001:db8::1 of service 's', which "
         "'forward: nat' cannot cross; give each family a service and a pool\n"},
        {"vip: \"2001:db8::1\", ports: 80, forward: ipip", ""},
    });
}

TEST(Mistakes, OfStickinessAnnouncementsAndChecks) {
    expect_each({
        {"vip: 198.51.100.1, ports: 80, sticky: client",
         "f:3:54: sticky 'client' is not known; write source, or a mapping such as {ipv4: 24, ipv6: 56}\n"},
        {"vip: 198.51.100.1, ports: 80, sticky: [source]",
         "f:3:54: sticky 'a list' is not known; write source, or a mapping such as {ipv4: 24, ipv6: 56}\n"},
        {"vip: 198.51.100.1, ports: 80, sticky: {ipv4: 33}",
         "f:3:61: 33 is out of range; 'ipv4' takes a number from 1 to 32\n"},
        {"vip: 198.51.100.1, ports: 80, sticky: {ipv6: 0}",
         "f:3:61: 0 is out of range; 'ipv6' takes a number from 1 to 128\n"},
        {"vip: 198.51.100.1, ports: 80, announce: arp",
         "f:3:56: 'announce' is a single value; write a mapping of announce settings\n"},
        {"vip: 198.51.100.1, ports: 80, announce: {arp: yes}",
         "f:3:62: unknown arp 'yes'; write true or false\n"},
        {"vip: 198.51.100.0/23, ports: 80, announce: {arp: true}",
         "f:3:21: 198.51.100.0/23 has too many addresses for 'announce: {arp: true}'; write prefixes of 256 "
         "addresses at most, or have a router bring it\n"},
        {"vip: 198.51.100.1, ports: 80-81, checks: [{tcp: {}, port: 80}, tcp]",
         "f:3:79: service 's' has more than one port at line 3, and the check none of its own; add "
         "'port:'\n"},
        {"vip: 198.51.100.1, ports: any/icmp, checks: [{tcp: {}, port: 80}]", ""},
        {"vip: 198.51.100.1, ports: any/icmp, checks: [{http: {}}]",
         "f:3:61: service 's' has more than one port at line 3, and the check none of its own; add "
         "'port:'\n"},
    });
}

TEST(Mistakes, OfBackendPortsAndServerIds) {
    auto with_pool = [](std::string_view pool, std::string_view service) {
        return mistakes_in(fmt::format(
            "{}pools: {{p: {{static: [{}]}}}}\nservices:\n  s: {{vip: 198.51.100.1, pool: p, {}}}\n",
            kInterfaces, pool, service));
    };
    constexpr std::string_view quic =
        "ports: 443/udp, quic: {configs: [{server_id_length: 2, nonce_length: 4}]}";
    EXPECT_EQ(with_pool("{address: 192.0.2.1, port: 0}", "ports: 80, forward: nat"),
              "f:2:49: 0 is out of range; 'port' takes a number from 1 to 65535\n");
    EXPECT_EQ(with_pool("{address: 192.0.2.1, port: 8080}", "ports: 80, forward: gre"),
              "f:2:49: a backend's port is for 'forward: nat', but service 's' has 'gre'; leave it out or "
              "give the service another pool\n");
    for (auto id : {"0", "0x01", "000102030405060708090a0b0c0d0e0f", "\"\""})
        EXPECT_THAT(
            with_pool(fmt::format("{{address: 192.0.2.1, server_id: {}}}", id), "ports: 80"),
            testing::HasSubstr("is not a server id; write 1 to 15 bytes in hex digits, such as \"0a0b\""));
    EXPECT_EQ(with_pool("{address: 192.0.2.1, server_id: 0102}, {address: 192.0.2.2, server_id: 0102}", quic),
              "f:2:93: another backend of pool 'p' has this server id; give each its own\n");
    EXPECT_EQ(with_pool("192.0.2.1", quic),
              "f:2:22: backend 192.0.2.1 has no 'server_id', which 'quic' of service 's' needs; add one of 2 "
              "bytes\n");
    EXPECT_EQ(
        with_pool("{address: 192.0.2.1, server_id: 01}", quic),
        "f:2:54: this server id has 1 bytes but 'quic' of service 's' says 2 at line 4; let them be equal\n");
    EXPECT_EQ(with_pool("{address: 192.0.2.1, server_id: 0102}", quic), "");
    EXPECT_EQ(with_pool("{address: 192.0.2.1, server_id: 0102}",
                        "ports: 443/tcp, quic: {configs: [{server_id_length: 2, nonce_length: 4}]}"),
              "f:4:68: service 's' has 'quic' but no udp port; add one such as 443/udp\n");
}

TEST(Mistakes, OfQuic) {
    expect_all(
        {
            {"{}", "f:3:66: quic has no 'configs'; add it, a list of quic config settings\n"},
            {"{configs: []}", "f:3:76: 'configs' is an empty list; write a list of quic config settings\n"},
            {"{configs: [{server_id_length: 2}]}",
             "f:3:77: the config has no 'nonce_length'; add it, a number from 4 to 18\n"},
            {"{configs: [{server_id_length: 16, nonce_length: 3, rotation: 7}]}",
             "f:3:96: 16 is out of range; 'server_id_length' takes a number from 1 to 15\n"
             "f:3:127: 7 is out of range; 'rotation' takes a number from 0 to 6\n"},
            {"{configs: [{server_id_length: 2, nonce_length: 18}]}",
             "f:3:113: a server id of 2 bytes and a nonce of 18 do not fit into a connection id; write a "
             "nonce of 17 at most\n"},
            {"{configs: [{server_id_length: 2, nonce_length: 4}, {server_id_length: 2, nonce_length: 5}]}",
             "f:3:117: rotation 0 is in 'configs' twice; give each config its own\n"},
        },
        fmt::format("{}pools: {{p: {{static: [{{address: 192.0.2.1, server_id: 0102}}]}}}}\n"
                    "services: {{s: {{vip: 198.51.100.1, ports: 443/udp, pool: p, quic: ",
                    kInterfaces),
        "}}\n");
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

TEST(Mistakes, OfServicesThatOverlap) {
    auto with_two = [](std::string_view one, std::string_view other) {
        return mistakes_in(fmt::format("{}{}services:\n  a: {{pool: p, {}}}\n  b: {{pool: p, {}}}\n",
                                       kInterfaces, kPools, one, other));
    };
    // One is more specific: by the VIP's prefix, the protocol, the number of ports.
    const std::pair<std::string_view, std::string_view> fine[] = {
        {"vip: 198.51.100.0/24, ports: 80", "vip: 198.51.100.1, ports: 80"},
        {"vip: 198.51.100.0/24, ports: 80-90", "vip: 198.51.100.0/25, ports: 85-95"},
        {"vip: 198.51.100.1, ports: any", "vip: 198.51.100.1, ports: any/tcp"},
        {"vip: 198.51.100.1, ports: 80-90", "vip: 198.51.100.1, ports: [80, 81-82, 85-90]"},
        {"vip: 198.51.100.1, ports: any/tcp", "vip: 198.51.100.1, ports: 1-65535"},
        {"vip: 198.51.100.1, ports: 80-90/tcp", "vip: 198.51.100.1, ports: 85-95/udp"},
        {"vip: 198.51.100.1, ports: 80-90", "vip: 198.51.100.1, ports: 91-95"},
    };
    for (const auto& [one, other] : fine) EXPECT_EQ(with_two(one, other), "") << one << "; " << other;
    const std::tuple<std::string_view, std::string_view, std::string_view> wrong[] = {
        {"vip: 198.51.100.0/24, ports: 80", "vip: 198.51.100.0/24, ports: 80",
         "f:5:45: 198.51.100.0/24:80/tcp is already in service 'a' at line 4; choose another port or VIP\n"},
        {"vip: 198.51.100.1, ports: any", "vip: 198.51.100.1, ports: any",
         "f:5:42: 198.51.100.1:any/any is already in service 'a' at line 4; choose another port or VIP\n"},
        {"vip: \"2001:db8::/64\", ports: any/gre", "vip: \"2001:db8::/64\", ports: any/47",
         "f:5:45: [2001:db8::/64]:any/gre is already in service 'a' at line 4; choose another port or VIP\n"},
        {"vip: 198.51.100.1, ports: 85-95/udp", "vip: 198.51.100.1, ports: 80-90/udp",
         "f:5:42: 198.51.100.1:80-90/udp overlaps with 85-95 of service 'a' at line 4, and neither lies in "
         "the other; let the ranges be apart or one in the other\n"},
        {"vip: 198.51.100.1, ports: 80-90", "vip: 198.51.100.1, ports: [80-85, 90-91]",
         "f:5:50: 198.51.100.1:90-91/tcp overlaps with 80-90 of service 'a' at line 4, and neither lies in "
         "the other; let the ranges be apart or one in the other\n"},
        {"vip: 198.51.100.1, ports: [1-10, 5-15]", "vip: 198.51.100.2, ports: 1",
         "f:4:49: 198.51.100.1:5-15/tcp overlaps with 1-10 of service 'a' at line 4, and neither lies in the "
         "other; let the ranges be apart or one in the other\n"},
    };
    for (const auto& [one, other, mistakes] : wrong)
        EXPECT_EQ(with_two(one, other), mistakes) << one << "; " << other;
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
            {"[maglev]", "f:3:63: 'scheduler' is a list; write maglev or rendezvous\n"},
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

TEST(Mistakes, OfChecks) {
    expect_all(
        {
            {"ping", "f:4:11: unknown check 'ping'; write tcp or http\n"},
            {"[tcp]", "f:4:11: the check is a list; write a mapping of its settings\n"},
            {"{port: 80}", "f:4:11: this check is of no kind; add 'tcp: {}' or 'http: {path: /}'\n"},
            {"{tcp: {}, http: {}}", "f:4:27: this check is of two kinds, tcp and http; write two checks\n"},
            {"{tcp: {port: 80}}",
             "f:4:18: 'port' is not a setting of tcp; it belongs to the check around it\n"},
            {"{tcp: {colour: red}}", "f:4:18: unknown key 'colour'; tcp takes none\n"},
            {"{http: {path: alive}}",
             "f:4:25: 'alive' is not a path; write one such as /alive, with %20 for a space\n"},
            {"{http: {path: \"/a\\r\\nX: y\"}}",
             "f:4:25: '/a\\x0d\\x0aX: y' is not a path; write one such as /alive, with %20 for a space\n"},
            {"{http: {host: \"a b\"}}",
             "f:4:25: 'a b' is not a host; write a name such as www.example.com, with :PORT if need be\n"},
            {"{http: {expect: 600}}",
             "f:4:27: '600' is not a status or a range of statuses; write 200 or 200-299, from 100 to 599\n"},
            {"{http: {expect: [299-200, [1]]}}",
             "f:4:28: '299-200' is not a status or a range of statuses; write 200 or 200-299, from 100 to "
             "599\n"
             "f:4:37: an item of 'expect' is a list; write a status or a range of statuses\n"},
            {"{http: {expect: []}}",
             "f:4:27: 'expect' is an empty list; write a list of statuses and ranges of statuses, or one\n"},
            {"{tcp: {}, port: 65536}",
             "f:4:27: 65536 is out of range; 'port' takes a number from 1 to 65535\n"},
            {"{tcp: {}, interval: 99ms}",
             "f:4:31: 99ms is out of range; 'interval' takes a duration from 100ms to 1h\n"},
            {"{tcp: {}, interval: 1s, timeout: 2s}",
             "f:4:44: the timeout 2s is longer than the interval 1s; write 1s at most\n"},
            {"{tcp: {}, history: 65}", "f:4:30: 65 is out of range; 'history' takes a number from 1 to 64\n"},
            {"{tcp: {}, history: 3, rise: 4}",
             "f:4:39: 'rise' is 4 of the last 3, which never happens; write 3 at most, or a longer "
             "history\n"},
            {"{tcp: {}, fall: 6}",
             "f:4:27: 'fall' is 6 of the last 5, which never happens; write 5 at most, or a longer "
             "history\n"},
        },
        fmt::format("{}{}services: {{s: {{vip: 192.0.2.9, ports: 80, pool: p, checks: [\n          ",
                    kInterfaces, kPools),
        "]}}\n");
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
              "f:4:55: unknown check 'pnig'; write tcp or http\n");
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
