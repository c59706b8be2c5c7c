#include "doctor/diagnose.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>

namespace weir::doctor {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

net::Prefix prefix(const char* text) {
    return *net::Prefix::parse(text);
}

net::Ip ip(const char* text) {
    return *net::Ip::parse(text);
}

/// A host on which nothing is wrong, with one interface.
Facts healthy() {
    Facts facts;
    facts.wanted.vips = {prefix("192.168.101.1/32"), prefix("2001:db8:101::1/128")};
    facts.wanted.backends_v4 = 3;
    facts.wanted.backends_v6 = 3;
    facts.wanted.table_bytes = 32 << 20;
    facts.cap_bpf = facts.cap_net_admin = true;
    facts.cpus = 4;
    facts.kernel = {
        .release = "6.1.0-25-amd64", .jit = true, .btf = true, .bpffs = true, .probed = true, .missing = {}};
    facts.memory_bytes = uint64_t{8} << 30;
    facts.forwards_v4 = facts.forwards_v6 = false;
    facts.neighbours_v4 = facts.neighbours_v6 = 1024;
    InterfaceFacts eth0;
    eth0.wanted.name = "eth0";
    eth0.exists = eth0.up = true;
    eth0.mtu = 1500;
    eth0.driver = "ixgbe";
    eth0.native = NativeXdp::works;
    eth0.queues = eth0.queues_most = 4;
    facts.interfaces = {eth0};
    return facts;
}

/// What is not ok, as "severity subject: what -> remedy".
std::vector<std::string> wrong(const Facts& facts) {
    std::vector<std::string> lines;
    for (const Finding& finding : diagnose(facts))
        if (finding.severity != Severity::ok)
            lines.push_back(fmt::format("{} {}: {} -> {}", to_text(finding.severity), finding.subject,
                                        finding.what, finding.remedy));
    return lines;
}

template <class Change>
std::vector<std::string> wrong_when(Change&& change) {
    Facts facts = healthy();
    change(facts);
    return wrong(facts);
}
template <class Change>
std::vector<std::string> wrong_on_interface(Change&& change) {
    return wrong_when([&](Facts& facts) { change(facts.interfaces[0]); });
}

auto finding(const char* severity_and_subject, const char* what, const char* remedy) {
    return testing::AllOf(testing::StartsWith(severity_and_subject), HasSubstr(what),
                          testing::ContainsRegex(std::string("-> .*") + remedy));
}

TEST(Diagnose, AHealthyHostHasNothingButOk) {
    EXPECT_THAT(wrong(healthy()), IsEmpty());
    const std::vector<Finding> findings = diagnose(healthy());
    EXPECT_THAT(findings, Each(Field(&Finding::remedy, "")));
    std::vector<std::string> subjects;
    for (const Finding& found : findings)
        if (subjects.empty() || subjects.back() != found.subject) subjects.push_back(found.subject);
    EXPECT_THAT(subjects, ElementsAre("rights", "kernel", "memory", "neighbours", "VIPs", "eth0"));
}

TEST(Diagnose, WhatCouldNotBeSeenIsNotJudged) {
    EXPECT_THAT(wrong_when([](Facts& facts) {
                    facts.kernel.jit.reset();
                    facts.memory_bytes.reset();
                    facts.neighbours_v4.reset();
                    facts.neighbours_v6.reset();
                    facts.interfaces[0].queues = 0;
                    facts.interfaces[0].driver = "";
                    facts.interfaces[0].native = NativeXdp::untried;
                }),
                IsEmpty());
}

TEST(Diagnose, NamesTheRightsThatAreMissing) {
    EXPECT_THAT(wrong_when([](Facts& facts) { facts.cap_bpf = false; }),
                ElementsAre(finding("problem rights: ", "lacks CAP_BPF,", "root")));
    EXPECT_THAT(wrong_when([](Facts& facts) { facts.cap_net_admin = false; }),
                ElementsAre(finding("problem rights: ", "lacks CAP_NET_ADMIN,", "root")));
}

TEST(Diagnose, RootOfAContainerMayLackTheRightAllTheSame) {
    EXPECT_THAT(
        wrong_when(
            [](Facts& facts) { facts.load_error = "cannot load an XDP program: Operation not permitted"; }),
        ElementsAre(finding("problem rights: ", "cannot load an XDP program", "privileged container")));
}

TEST(Diagnose, SaysWhatTheKernelLacks) {
    EXPECT_THAT(
        wrong_when([](Facts& facts) { facts.kernel.missing = {"XDP programs", "array maps"}; }),
        ElementsAre(finding("problem kernel: ", "lacks XDP programs, array maps", "CONFIG_BPF_SYSCALL")));
    EXPECT_THAT(wrong_when([](Facts& facts) { facts.kernel.jit = false; }),
                ElementsAre(finding("problem kernel: ", "interpreted", "bpf_jit_enable=1")));
    EXPECT_THAT(wrong_when([](Facts& facts) { facts.kernel.btf = false; }),
                ElementsAre(finding("advice kernel: ", "type data", "CONFIG_DEBUG_INFO_BTF")));
    EXPECT_THAT(wrong_when([](Facts& facts) { facts.kernel.bpffs = false; }),
                ElementsAre(finding("problem kernel: ", "no BPF file system", "kernel")));
    const auto release = [](const char* text) {
        return [text](Facts& facts) { facts.kernel.release = text; };
    };
    EXPECT_THAT(wrong_when(release("5.15.0")),
                ElementsAre(finding("advice kernel: ", "5.15.0 is older", "6.1")));
    EXPECT_THAT(wrong_when(release("6.0.19")),
                ElementsAre(finding("advice kernel: ", "6.0.19 is older", "6.1")));
    EXPECT_THAT(wrong_when(release("6.10.3")), IsEmpty());
    EXPECT_THAT(wrong_when(release("10.0")), IsEmpty());
}

TEST(Diagnose, ComparesTheTablesWithTheMemory) {
    const auto memory = [](uint64_t bytes) { return [bytes](Facts& facts) { facts.memory_bytes = bytes; }; };
    EXPECT_THAT(wrong_when(memory(32 << 20)), IsEmpty());
    EXPECT_THAT(wrong_when(memory((32 << 20) - 1)),
                ElementsAre(finding("problem memory: ", "about 32 MiB", "flows: size:")));
    EXPECT_THAT(
        wrong_when([](Facts& facts) { facts.memlock_bytes = 64 << 10; }),
        ElementsAre(finding("problem memory: ", "RLIMIT_MEMLOCK allows 1 MiB", "LimitMEMLOCK=infinity")));
}

TEST(Diagnose, WantsRoomForEveryBackendAmongTheNeighbours) {
    const auto backends = [](size_t v4, size_t v6) {
        return [=](Facts& facts) {
            facts.wanted.backends_v4 = v4;
            facts.wanted.backends_v6 = v6;
        };
    };
    EXPECT_THAT(wrong_when(backends(800, 3)), IsEmpty());
    EXPECT_THAT(wrong_when(backends(900, 3)),
                ElementsAre(finding("problem neighbours: ", "900 backends",
                                    "sysctl -w net.ipv4.neigh.default.gc_thresh3=2048")));
    EXPECT_THAT(wrong_when(backends(0, 5000)),
                ElementsAre(finding("problem neighbours: ", "5000 backends",
                                    "sysctl -w net.ipv6.neigh.default.gc_thresh3=16384")));
}

TEST(Diagnose, ForwardingMattersToNatOnly) {
    const auto nat = [](Facts& facts) { facts.wanted.nat = true; };
    EXPECT_THAT(
        wrong_when(nat),
        ElementsAre(finding("advice forwarding: ", "IPv4", "sysctl -w net.ipv4.ip_forward=1"),
                    finding("advice forwarding: ", "IPv6", "sysctl -w net.ipv6.conf.all.forwarding=1")));
    EXPECT_THAT(wrong_when([&](Facts& facts) {
                    nat(facts);
                    facts.forwards_v4 = true;
                    facts.wanted.backends_v6 = 0;
                }),
                IsEmpty());
}

TEST(Diagnose, AVipOfTheHostsOwnIsAProblem) {
    EXPECT_THAT(
        wrong_when([](Facts& facts) {
            facts.local_vips = {{ip("192.168.101.1"), "lo"}, {ip("2001:db8:101::1"), "eth1"}};
        }),
        ElementsAre(
            finding("problem 192.168.101.1: ", "on lo", "ip address del 192.168.101.1/32 dev lo"),
            finding("problem 2001:db8:101::1: ", "on eth1", "ip address del 2001:db8:101::1/128 dev eth1")));
}

TEST(Diagnose, AnInterfaceMustBeThereAndUpAndEthernet) {
    EXPECT_THAT(wrong_on_interface([](InterfaceFacts& eth0) { eth0.exists = false; }),
                ElementsAre(finding("problem eth0: ", "no such interface", "ip link")));
    EXPECT_THAT(wrong_on_interface([](InterfaceFacts& eth0) { eth0.ethernet = false; }),
                ElementsAre(finding("problem eth0: ", "not Ethernet", "name an Ethernet interface")));
    EXPECT_THAT(wrong_on_interface([](InterfaceFacts& eth0) { eth0.up = false; }),
                ElementsAre(finding("problem eth0: ", "down", "ip link set dev eth0 up")));
}

TEST(Diagnose, ARefusedNativeXdpIsAProblemOnlyWhereItIsDemanded) {
    const auto refused = [](InterfaceFacts& eth0) {
        eth0.native = NativeXdp::refused;
        eth0.native_error = EOPNOTSUPP;
    };
    EXPECT_THAT(wrong_on_interface(refused),
                ElementsAre(finding("advice eth0: ", "the driver ixgbe refuses", "driver has XDP")));
    EXPECT_THAT(wrong_on_interface([&](InterfaceFacts& eth0) {
                    refused(eth0);
                    eth0.wanted.mode = model::XdpMode::native;
                }),
                ElementsAre(finding("problem eth0: ", "Operation not supported", "mode: auto")));
    EXPECT_THAT(wrong_on_interface([&](InterfaceFacts& eth0) {
                    refused(eth0);
                    eth0.mtu = 9000;
                }),
                ElementsAre(finding("advice eth0: ", "refuses", "ip link set dev eth0 mtu 3498")));
    EXPECT_THAT(wrong_on_interface([](InterfaceFacts& eth0) { eth0.wanted.mode = model::XdpMode::generic; }),
                ElementsAre(finding("advice eth0: ", "asks for generic XDP", "mode: auto")));
}

TEST(Diagnose, WithoutATryTheDriversNameSpeaks) {
    const auto driver = [](const char* name) {
        return [name](InterfaceFacts& eth0) {
            eth0.native = NativeXdp::untried;
            eth0.driver = name;
        };
    };
    EXPECT_THAT(wrong_on_interface(driver("mlx5_core")), IsEmpty());
    EXPECT_THAT(wrong_on_interface(driver("e1000e")),
                ElementsAre(finding("advice eth0: ", "e1000e", "weir doctor eth0")));
}

TEST(Diagnose, OnlyWeirsOwnProgramMayBeAttached) {
    const auto program = [](const char* name) {
        return [name](InterfaceFacts& eth0) {
            eth0.native = NativeXdp::untried;
            eth0.program = name;
        };
    };
    EXPECT_THAT(wrong_on_interface(program("weir")), IsEmpty());
    EXPECT_THAT(wrong_on_interface(program("cil_xdp_entry")),
                ElementsAre(finding("problem eth0: ", "'cil_xdp_entry'", "ip link set dev eth0 xdp off")));
}

TEST(Diagnose, TheMtuMustSuitEthernetIpv6TunnelsAndXdp) {
    const auto mtu = [](uint32_t bytes) { return [bytes](InterfaceFacts& eth0) { eth0.mtu = bytes; }; };
    EXPECT_THAT(wrong_on_interface(mtu(1279)),
                ElementsAre(finding("problem eth0: ", "1280 that IPv6 needs", "mtu 1500")));
    EXPECT_THAT(wrong_on_interface(mtu(1280)),
                ElementsAre(finding("advice eth0: ", "less than Ethernet's", "mtu 1500")));
    EXPECT_THAT(wrong_on_interface(mtu(9000)), IsEmpty()) << "the driver took it";
    EXPECT_THAT(wrong_on_interface([](InterfaceFacts& eth0) {
                    eth0.mtu = 9000;
                    eth0.native = NativeXdp::untried;
                }),
                ElementsAre(finding("advice eth0: ", "9000", "mtu 3498")));
    const auto tunnels = [](uint32_t bytes) {
        return [bytes](Facts& facts) {
            facts.wanted.tunnels = true;
            facts.interfaces[0].mtu = bytes;
        };
    };
    EXPECT_THAT(wrong_when(tunnels(1500)),
                ElementsAre(finding("advice eth0: ", "tunnel headers", "mtu 1552")));
    EXPECT_THAT(wrong_when(tunnels(1552)), IsEmpty());
}

TEST(Diagnose, OffloadsThatChangePacketsMustBeOff) {
    const auto feature = [](const char* name) {
        return [name](InterfaceFacts& eth0) { eth0.features = {{name, true}}; };
    };
    for (const auto& [name, option] : {std::pair{"rx-lro", "lro"}, {"rx-gro-hw", "rx-gro-hw"}}) {
        EXPECT_THAT(wrong_on_interface(feature(name)), IsEmpty()) << "the driver took the program";
        const std::string remedy = fmt::format("ethtool -K eth0 {} off", option);
        EXPECT_THAT(wrong_on_interface([&](InterfaceFacts& eth0) {
                        feature(name)(eth0);
                        eth0.native = NativeXdp::untried;
                    }),
                    ElementsAre(finding("advice eth0: ", name, remedy.c_str())));
        EXPECT_THAT(wrong_on_interface([&](InterfaceFacts& eth0) {
                        feature(name)(eth0);
                        eth0.native = NativeXdp::refused;
                        eth0.native_error = EINVAL;
                        eth0.wanted.mode = model::XdpMode::native;
                    }),
                    ElementsAre(finding("problem eth0: ", "refuses", remedy.c_str()),
                                finding("advice eth0: ", name, remedy.c_str())));
    }
    EXPECT_THAT(wrong_on_interface(feature("rx-vlan-hw-parse")),
                ElementsAre(finding("advice eth0: ", "VLAN", "ethtool -K eth0 rxvlan off")));
    EXPECT_THAT(wrong_when([&](Facts& facts) {
                    feature("rx-vlan-hw-parse")(facts.interfaces[0]);
                    facts.wanted.vlans = true;
                }),
                ElementsAre(finding("problem eth0: ", "VLAN", "ethtool -K eth0 rxvlan off")));
    EXPECT_THAT(wrong_on_interface(
                    [](InterfaceFacts& eth0) { eth0.features = {{"rx-lro", false}, {"rx-gro", true}}; }),
                IsEmpty());
    EXPECT_THAT(wrong_on_interface(feature("tx-checksum-ip-generic")), IsEmpty());
    EXPECT_THAT(wrong_on_interface([&](InterfaceFacts& eth0) {
                    feature("tx-checksum-ip-generic")(eth0);
                    eth0.driver = "veth";
                }),
                ElementsAre(finding("advice eth0: ", "checksums", "ethtool -K eth0 tx off")));
}

TEST(Diagnose, QueuesShouldBeAsManyAsCpusOrAsTheCardHas) {
    const auto queues = [](uint32_t now, uint32_t most) {
        return [=](InterfaceFacts& eth0) {
            eth0.queues = now;
            eth0.queues_most = most;
        };
    };
    EXPECT_THAT(
        wrong_on_interface(queues(1, 64)),
        ElementsAre(finding("advice eth0: ", "1 receive queue for 4 CPUs", "ethtool -L eth0 combined 4")));
    EXPECT_THAT(wrong_on_interface(queues(1, 2)),
                ElementsAre(finding("advice eth0: ", "1 receive queue", "combined 2")));
    EXPECT_THAT(wrong_on_interface(queues(2, 2)), IsEmpty());
    EXPECT_THAT(wrong_on_interface(queues(8, 64)), IsEmpty());
}

TEST(Diagnose, AStrictReversePathHurtsNatAndTunnels) {
    const auto filter = [](int value) {
        return [value](Facts& facts) { facts.interfaces[0].rp_filter = value; };
    };
    EXPECT_THAT(wrong_when(filter(1)),
                ElementsAre(finding("advice eth0: ", "rp_filter", "net.ipv4.conf.eth0.rp_filter=2")));
    EXPECT_THAT(wrong_when(filter(2)), IsEmpty());
    EXPECT_THAT(wrong_when([&](Facts& facts) {
                    filter(1)(facts);
                    facts.wanted.nat = facts.forwards_v4.emplace(true);
                    facts.forwards_v6 = true;
                }),
                ElementsAre(finding("problem eth0: ", "rp_filter", "net.ipv4.conf.eth0.rp_filter=2")));
}

TEST(Diagnose, MergedPacketsFitNoTunnelAndNoOtherInterface) {
    const auto with = [](bool tunnels, bool redirects, NativeXdp native) {
        return [=](Facts& facts) {
            facts.wanted.tunnels = tunnels;
            facts.wanted.redirects = redirects;
            auto& eth0 = facts.interfaces[0];
            eth0.mtu = 1600;
            eth0.wanted.mode =
                native == NativeXdp::works ? model::XdpMode::automatic : model::XdpMode::generic;
            eth0.native = native;
            eth0.features = {{"rx-gro", true}};
        };
    };
    const auto merged = finding("problem eth0: ", "GRO", "ethtool -K eth0 gro off");
    EXPECT_THAT(wrong_when(with(true, false, NativeXdp::untried)), testing::Contains(merged));
    EXPECT_THAT(wrong_when(with(false, true, NativeXdp::untried)), testing::Contains(merged));
    EXPECT_THAT(wrong_when(with(false, false, NativeXdp::untried)), Not(testing::Contains(merged)));
    EXPECT_THAT(wrong_when(with(true, true, NativeXdp::works)), IsEmpty()) << "the driver does not merge";
}

TEST(WantedBy, AsksNothingOfXdpWhereAllServicesHaveIpvs) {
    model::Config config;
    config.interfaces = {{.name = "eth0"}};
    EXPECT_TRUE(wanted_by(config).xdp);
    auto& service = config.services["s"];
    service.vips = {net::Prefix::parse("192.0.2.1/32").value()};
    EXPECT_FALSE(wanted_by(config).ipvs);
    service.engine = model::EngineKind::ipvs;
    service.forward.kind = model::ForwardKind::nat;
    const Wanted wanted = wanted_by(config);
    EXPECT_FALSE(wanted.xdp);
    EXPECT_TRUE(wanted.ipvs);
    EXPECT_TRUE(wanted.nat);
    EXPECT_TRUE(wanted.vips.empty()) << "they are to be this host's own";
}

TEST(Diagnose, WantsIpvsOfTheKernelWhereServicesHaveItAndNoRightsForPrograms) {
    Facts facts;
    facts.wanted.xdp = false;
    facts.wanted.ipvs = true;
    EXPECT_TRUE(diagnose(facts).empty()) << "it could not be seen";
    facts.has_ipvs = false;
    auto findings = diagnose(facts);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].severity, Severity::problem);
    EXPECT_EQ(findings[0].remedy, "modprobe ip_vs");
    facts.has_ipvs = true;
    findings = diagnose(facts);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].severity, Severity::ok);
}

/// A host for a proxy alone.
Facts for_proxy(uint64_t connections, uint64_t sessions) {
    Facts facts;
    facts.wanted.xdp = false;
    facts.wanted.proxy = true;
    facts.wanted.proxy_connections = connections;
    facts.wanted.proxy_sessions = sessions;
    facts.descriptors = 20000;
    facts.accept_queue = 4096;
    return facts;
}

TEST(WantedBy, SumsTheConnectionsThatAProxyMayHave) {
    model::Config config;
    EXPECT_FALSE(wanted_by(config).proxy);
    auto add = [&](const char* name, model::Protocol protocol) -> model::Proxy& {
        auto& service = config.services[name];
        service.engine = model::EngineKind::proxy;
        service.forward.kind = model::ForwardKind::proxy;
        service.ports = {{net::Port(80), protocol}};
        return service.proxy.emplace();
    };
    add("names", model::Protocol::udp).udp_sessions = 700;
    add("web", model::Protocol::tcp).max_connections = 1000;
    auto& tls = add("tls", model::Protocol::tcp);
    EXPECT_TRUE(wanted_by(config).proxy);
    EXPECT_FALSE(wanted_by(config).xdp);
    EXPECT_EQ(wanted_by(config).proxy_connections, 0u) << "tls has no limit";
    EXPECT_EQ(wanted_by(config).proxy_sessions, 700u);
    tls.max_connections = 500;
    EXPECT_EQ(wanted_by(config).proxy_connections, 1500u);
    config.proxy.max_connections = 1200;
    EXPECT_EQ(wanted_by(config).proxy_connections, 1200u);
}

TEST(Diagnose, WantsDescriptorsForAllConnectionsOfAProxy) {
    EXPECT_THAT(wrong(for_proxy(9000, 976)), IsEmpty());
    EXPECT_THAT(wrong(for_proxy(9000, 977)),
                ElementsAre(finding("problem descriptors: ",
                                    "9000 connections and 977 UDP sessions take 20001 descriptors, and the "
                                    "limit is 20000",
                                    "LimitNOFILE=20001; in a shell ulimit -n 20001")));
    EXPECT_THAT(wrong(for_proxy(0, 0)), IsEmpty()) << "as many as there are";
    EXPECT_EQ(diagnose(for_proxy(0, 0)).at(0).what,
              "there is room for 9488 connections that wait, half as many that carry bulk one way");
    auto unseen = for_proxy(1000000, 0);
    unseen.descriptors.reset();
    EXPECT_THAT(wrong(unseen), IsEmpty());
    unseen.wanted.proxy = false;
    EXPECT_TRUE(diagnose(unseen).empty()) << "no service has it";
}

TEST(Diagnose, AShortAcceptQueueLosesABurst) {
    auto facts = for_proxy(0, 0);
    facts.accept_queue = 128;
    EXPECT_THAT(wrong(facts), ElementsAre(finding("advice accept queue: ", "no more than 128 connections",
                                                  "sysctl -w net.core.somaxconn=4096")));
}

TEST(WantedBy, TellsWhatAConfigurationAsksOfTheHost) {
    model::Config config;
    config.interfaces = {{.name = "eth0", .mode = model::XdpMode::native}};
    config.flows.size = (1 << 20) - 1;
    config.pools["web"].backends = {
        {.address = ip("10.0.0.1")}, {.address = ip("10.0.0.2")}, {.address = ip("2001:db8::1")}};
    model::Service& web = config.services["web"];
    web.vips = {prefix("192.0.2.1/32"), prefix("2001:db8::/64")};
    web.ports = {{net::Port(80)}, {net::Port(443)}};
    web.scheduler.table_size = 65537;

    const Wanted dsr = wanted_by(config);
    EXPECT_EQ(dsr.interfaces, config.interfaces);
    EXPECT_EQ(dsr.vips, web.vips);
    EXPECT_EQ(dsr.backends_v4, 2u);
    EXPECT_EQ(dsr.backends_v6, 1u);
    EXPECT_FALSE(dsr.nat || dsr.tunnels || dsr.vlans || dsr.redirects);
    config.interfaces.push_back({.name = "eth1"});
    EXPECT_TRUE(wanted_by(config).redirects);

    web.forward.kind = model::ForwardKind::nat;
    EXPECT_TRUE(wanted_by(config).nat);
    web.forward.kind = model::ForwardKind::gue;
    config.vlans[10] = {prefix("10.0.0.0/24")};
    EXPECT_TRUE(wanted_by(config).tunnels);
    EXPECT_TRUE(wanted_by(config).vlans);
    EXPECT_FALSE(wanted_by(config).nat);
}

}  // namespace
}  // namespace weir::doctor
