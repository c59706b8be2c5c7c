// What each engine does not do is refused with what it does.
#include "config/mistakes_in.h"

namespace weir::config {
namespace {

/// The mistakes of one service with IPVS; `settings` begins at 3:30.
std::string with_ipvs(std::string_view settings, std::string_view pools = kPools) {
    return mistakes_in(fmt::format("\n{}services: {{s: {{engine: ipvs, {}, pool: p}}}}\n", pools, settings));
}

void expect_each(const std::vector<Row>& rows) {
    for (const auto& [text, mistakes] : rows) EXPECT_EQ(with_ipvs(text), mistakes) << text;
}

TEST(EngineMistakes, OfIpvsNoneOfWhatTheKernelTakes) {
    expect_each({
        {"vip: 198.51.100.1, ports: [80, 53/udp, 5060/sctp], forward: nat, scheduler: mh, ipvs: "
         "{persistence: "
         "5m, netmask: {ipv4: 24, ipv6: 64}, flags: [mh-port, flag-1]}",
         ""},
        {"vip: [198.51.100.1, \"2001:db8::1\"], ports: 80, forward: {gue: {port: 5555}}, scheduler: ovf", ""},
        {"vip: 198.51.100.1, ports: 53/udp, forward: gre, ipvs: {one_packet: true}", ""},
        {"mark: 7, forward: ipip, scheduler: wrr, checks: [{tcp: {}, port: 80}, icmp]", ""},
        {"vip: 198.51.100.1, ports: 80, announce: {bgp: {med: 5}}", ""},
    });
}

TEST(EngineMistakes, OfSchedulersAndMethodsOfTheOtherEngine) {
    expect_each({
        {"vip: 198.51.100.1, ports: 80, scheduler: maglev",
         "f:3:71: scheduler 'maglev' is not for this engine; write wlc, rr, wrr, lc, lblc, lblcr, dh, sh, "
         "mh, "
         "sed, nq, fo, ovf or twos\n"},
        {"vip: 198.51.100.1, ports: 80, scheduler: {rendezvous: {size: 5}}",
         "f:3:72: scheduler 'rendezvous' is not for this engine; write wlc, rr, wrr, lc, lblc, lblcr, dh, "
         "sh, "
         "mh, sed, nq, fo, ovf or twos\n"},
        {"vip: 198.51.100.1, ports: 80, scheduler: {rr: {}}",
         "f:3:76: a scheduler of 'engine: ipvs' has no settings here; write 'scheduler: rr', and what it "
         "takes as 'ipvs: {flags: […]}'\n"},
        {"vip: 198.51.100.1, ports: 80, forward: fou",
         "f:3:69: forward 'fou' is not for this engine; write dsr, ipip, gre, gue or nat\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {dscp: {value: 1}}",
         "f:3:70: forward 'dscp' is not for this engine; write dsr, ipip, gre, gue or nat\n"},
    });
    expect_all(
        {
            {"scheduler: sh",
             "f:3:66: scheduler 'sh' is not for this engine; write maglev, rendezvous, wlc, rr or random\n"},
            {"ipvs: {one_packet: true}",
             "f:3:61: 'ipvs' is for services with 'engine: ipvs'; add that, or leave it out\n"},
        },
        fmt::format("{}{}services: {{s: {{vip: 198.51.100.1, ports: 80, pool: p, ", kInterfaces, kPools),
        "}}\n");
}

TEST(EngineMistakes, OfWhatIpvsCannotTake) {
    expect_each({
        {"vip: 198.51.100.0/28, ports: 80",
         "f:3:35: service 's' has 'engine: ipvs', which takes no prefix; write addresses, or have nftables "
         "mark the packets and write 'mark: NUMBER' in place of 'vip' and 'ports'\n"},
        {"vip: 198.51.100.1, ports: 80-90",
         "f:3:56: service 's' has 'engine: ipvs', which takes single ports of tcp, udp and sctp; write "
         "those, "
         "or have nftables mark the packets and write 'mark: NUMBER' in place of 'vip' and 'ports'\n"},
        {"vip: 198.51.100.1, ports: any/gre",
         "f:3:56: service 's' has 'engine: ipvs', which takes single ports of tcp, udp and sctp; write "
         "those, "
         "or have nftables mark the packets and write 'mark: NUMBER' in place of 'vip' and 'ports'\n"},
        {"vip: 198.51.100.1, ports: 80, announce: {arp: true}",
         "f:3:76: service 's' has 'engine: ipvs', whose VIPs are addresses of this host: the kernel answers "
         "for them; leave 'arp' out\n"},
        {"vip: 198.51.100.1, ports: 80, sticky: source",
         "f:3:68: 'sticky' is of 'engine: xdp'; write 'ipvs: {persistence: 5m}' in its place\n"},
        {"vip: 198.51.100.1, ports: 80, forward: {nat: {source: 10.0.0.1}}",
         "f:3:69: 'source' is of 'engine: xdp'; of 'engine: ipvs' the kernel's routes decide on it, and "
         "nftables may masquerade; leave it out\n"},
        {"vip: 198.51.100.1, ports: [53/udp, 53/tcp], ipvs: {one_packet: true}",
         "f:3:93: 'one_packet' is for udp, and service 's' has another port at line 3; leave it out, or give "
         "that port a service of its own\n"},
    });
    EXPECT_EQ(with_ipvs("vip: 198.51.100.1, ports: 443/udp, quic: {configs: [{server_id_length: 1, "
                        "nonce_length: 4}]}",
                        "pools: {p: {static: [{address: 192.0.2.1, server_id: 01}]}}\n"),
              "f:3:82: 'quic' is of 'engine: xdp'; leave it out, or use that engine\n");
}

TEST(EngineMistakes, OfPersistenceAndFlags) {
    expect_each({
        {"vip: 198.51.100.1, ports: 80, ipvs: {persistence: 500ms}",
         "f:3:80: 500ms is out of range; 'persistence' takes a duration from 1s to 31d\n"},
        {"vip: 198.51.100.1, ports: 80, ipvs: {netmask: {ipv4: 24}}",
         "f:3:76: 'netmask' says whom 'persistence' takes for one client; add that, too\n"},
        {"vip: 198.51.100.1, ports: 80, scheduler: mh, ipvs: {flags: sh-port}",
         "f:3:89: flag 'sh-port' is of the scheduler sh, and the service has mh; leave it out\n"},
        {"vip: 198.51.100.1, ports: 80, ipvs: {flags: flag-4}",
         "f:3:74: unknown flag 'flag-4'; did you mean 'flag-1'?\n"},
    });
}

TEST(EngineMistakes, OfMarks) {
    expect_each({
        {"mark: 7, vip: 198.51.100.1",
         "f:3:44: service 's' has a 'mark' in place of 'vip'; keep one of the two\n"},
        {"mark: 0", "f:3:36: 0 is out of range; 'mark' takes a number from 1 to 4294967295\n"},
        {"mark: 7, announce: {bgp: false}",
         "f:3:49: service 's' has a 'mark' and so no VIP to announce; leave 'announce' out\n"},
        {"mark: 7, checks: [tcp]",
         "f:3:48: service 's' has a mark and no port at line 3, and the check none of its own; add "
         "'port:'\n"},
        {"mark: 7, family: inet6, forward: nat",
         "f:2:22: backend 192.0.2.1 is of another family than service 's', which 'forward: nat' of 'engine: "
         "ipvs' cannot cross; give each family a service and a pool\n"
         "f:2:33: backend 192.0.2.2 is of another family than service 's', which 'forward: nat' of 'engine: "
         "ipvs' cannot cross; give each family a service and a pool\n"},
        {"vip: 198.51.100.1, ports: 80, family: inet",
         "f:3:68: 'family' is a mark's; add 'mark', or leave it out\n"},
    });
    EXPECT_EQ(mistakes_in(fmt::format("{}{}services: {{s: {{mark: 7, pool: p}}}}\n", kInterfaces, kPools)),
              "f:3:22: 'mark' is of 'engine: ipvs'; add that, or write 'vip' and 'ports' in its place\n");
    EXPECT_EQ(with_ipvs("mark: 7, pool: p}, t: {engine: ipvs, mark: 7"),
              "f:3:73: mark 7 is already of service 's' at line 3; choose another\n");
}

TEST(EngineMistakes, OfFamiliesThatATunnelCrossesWithoutTheKernelsDaemonAlone) {
    constexpr std::string_view kBoth = "vip: \"2001:db8::1\", ports: 80, forward: ";
    EXPECT_EQ(with_ipvs(fmt::format("{}ipip", kBoth)), "");
    EXPECT_NE(with_ipvs(fmt::format("{}dsr", kBoth)), "");
    EXPECT_EQ(with_ipvs(fmt::format("{}ipip", kBoth),
                        "ipvs: {sync: {role: both, interface: eth0}}\npools: {p: {static: [192.0.2.1]}}\n"),
              "f:3:22: backend 192.0.2.1 is of another family than service 's', which 'ipvs: {sync: …}' "
              "cannot cross; give each family a service and a pool\n");
}

TEST(EngineMistakes, OfThresholds) {
    constexpr std::string_view kService = "vip: 198.51.100.1, ports: 80";
    auto pool = [](std::string_view settings) {
        return fmt::format("pools: {{p: {{static: [{{address: 192.0.2.1, {}}}]}}}}\n", settings);
    };
    EXPECT_EQ(with_ipvs(kService, pool("max_connections: 9, min_connections: 8")), "");
    EXPECT_EQ(with_ipvs(kService, pool("max_connections: 9, min_connections: 9")),
              "f:2:80: 'min_connections' is not below 'max_connections'; write fewer\n");
    EXPECT_EQ(
        with_ipvs(kService, pool("min_connections: 9")),
        "f:2:60: 'min_connections' is when a full backend gets flows again; add 'max_connections', when "
        "it is full\n");
    EXPECT_EQ(mistakes_in(fmt::format("{}{}services: {{s: {{{}, pool: p}}}}\n", kInterfaces,
                                      pool("max_connections: 9, min_connections: 8"), kService)),
              "f:2:80: 'min_connections' is for 'engine: ipvs', and service 's' has 'xdp'; leave it out or "
              "give the service another pool\n");
}

TEST(EngineMistakes, OfAVipThatBothEnginesHave) {
    EXPECT_EQ(with_ipvs("vip: 198.51.100.1, ports: 80, pool: p}, x: {vip: 198.51.100.0/28, ports: 81"),
              "f:3:35: the VIP 198.51.100.1 is in service 'x' too, which has 'engine: xdp' and sees its "
              "packets first; give each engine VIPs of its own\n"
              "f:3:70: service 'x' has no interface to take packets from; add 'interfaces: [NAME]'\n");
}

TEST(EngineMistakes, OfTheKernelsDaemonAndTimeouts) {
    expect_all(
        {
            {"{sync: {role: both, interface: eth0, id: 7, group: \"ff02::81\", port: 9000, ttl: 2}}", ""},
            {"{timeouts: {tcp: 15m, tcp_fin: 2m, udp: 5m}}", ""},
            {"{sync: {role: boss, interface: eth0}}",
             "f:1:21: unknown role 'boss'; write master, backup or both\n"},
            {"{sync: {}}",
             "f:1:14: ipvs sync has no 'role'; add it, master, backup or both\n"
             "f:1:14: ipvs sync has no 'interface'; add it, an interface's name\n"},
            {"{sync: {role: both, interface: eth0, group: 192.0.2.1}}",
             "f:1:51: 192.0.2.1 is not a multicast address; write one such as 224.0.0.81\n"},
            {"{timeouts: {tcp: 0s}}", "f:1:24: 0s is out of range; 'tcp' takes a duration from 1s to 31d\n"},
        },
        "ipvs: ", "\n");
}

}  // namespace
}  // namespace weir::config
