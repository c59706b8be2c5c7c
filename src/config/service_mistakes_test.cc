// As mistakes_test.cc: what a service wants of packets and backends, and what it cannot have.
#include <gmock/gmock.h>

#include <tuple>

#include "config/mistakes_in.h"

namespace weir::config {
namespace {

/// With these settings from column 15 of line 3 on. The backends are at columns 22 and 33 of line 2.
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
        {"ports: 80, vip: \"2000::/15\"",
         "f:3:32: 2000::/15 is too wide here; write a length of 16 at least\n"},
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
         "f:3:55: 'forward' is a list; write dsr, ipip, gre, fou, gue, dscp, nat or proxy\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {proxy: {}}",
         "f:3:63: 'forward: proxy' has no settings here; write them beside it, as 'proxy: {…}'\n"},
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
        {"vip: 198.51.100.1, ports: 80-81, checks: [icmp]", ""},
        {"vip: 198.51.100.1, ports: [80-81, 53/udp], checks: [{udp: {send: a}}]",
         "f:3:68: service 's' has more than one port at line 3, and the check none of its own; add "
         "'port:'\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {dscp: {value: 1}}, checks: [icmp]",
         "f:3:84: service 's' has 'forward: dscp', which carries tcp and udp alone; write another check than "
         "icmp\n"},
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
    constexpr std::string_view kQuic =
        "ports: 443/udp, quic: {configs: [{server_id_length: 2, nonce_length: 4}]}";
    EXPECT_EQ(with_pool("{address: 192.0.2.1, port: 0}", "ports: 80, forward: nat"),
              "f:2:49: 0 is out of range; 'port' takes a number from 1 to 65535\n");
    EXPECT_EQ(with_pool("{address: 192.0.2.1, port: 8080}", "ports: 80, forward: gre"),
              "f:2:49: a backend's port is for 'forward: nat' and 'proxy', but service 's' has 'gre'; leave "
              "it out or "
              "give the service another pool\n");
    for (auto id : {"0", "0x01", "000102030405060708090a0b0c0d0e0f", "\"\""})
        EXPECT_THAT(
            with_pool(fmt::format("{{address: 192.0.2.1, server_id: {}}}", id), "ports: 80"),
            testing::HasSubstr("is not a server id; write 1 to 15 bytes in hex digits, such as \"0a0b\""));
    EXPECT_EQ(
        with_pool("{address: 192.0.2.1, server_id: 0102}, {address: 192.0.2.2, server_id: 0102}", kQuic),
        "f:2:93: another backend of pool 'p' has this server id; give each its own\n");
    EXPECT_EQ(with_pool("192.0.2.1", kQuic),
              "f:2:22: backend 192.0.2.1 has no 'server_id', which 'quic' of service 's' needs; add one of 2 "
              "bytes\n");
    EXPECT_EQ(
        with_pool("{address: 192.0.2.1, server_id: 01}", kQuic),
        "f:2:54: this server id has 1 bytes but 'quic' of service 's' says 2 at line 4; let them be equal\n");
    EXPECT_EQ(with_pool("{address: 192.0.2.1, server_id: 0102}", kQuic), "");
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

}  // namespace
}  // namespace weir::config
