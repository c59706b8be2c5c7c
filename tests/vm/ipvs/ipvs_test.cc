// The IPVS engine and the kernel, with traffic. ipvsadm is the witness of what the kernel has. Runs in a
// virtual machine (tests/vm/ipvs/suite): the machines that build weir have no IPVS.
#include <gmock/gmock.h>

#include "lab/failure.h"
#include "lab/ip_batch.h"
#include "tests/vm/ipvs/site.h"

namespace weir::vm {
namespace {

using model::ForwardKind;
using testing::HasSubstr, testing::Not, testing::Pair, testing::UnorderedElementsAre;
using namespace std::chrono_literals;

class IpvsVm : public testing::Test {
  protected:
    void start_servers(uint16_t port = 80) {
        for (int number : {1, 2}) servers_.push_back(std::make_unique<Server>(site_.backend(number), port));
    }
    /// And nothing is unreachable.
    void apply(const std::vector<Wish>& wishes) {
        auto done = site_.apply(wishes);
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(site_.why_unreachable(), "");
    }
    auto answers(const std::string& vip, int times = 8, Talk talk = Talk::tcp) {
        return ask_often(site_.client(), vip, times, talk);
    }
    bool has_vip() {
        return lab::run(site_.balancer(), {"ip", "addr", "show", "dev", "lo"}).out.find(kVip) !=
               std::string::npos;
    }
    /// What the engine says of a backend of the first frontend, once it says so many conversations.
    engine::Traffic counted(const model::TargetKey& target, uint64_t flows) {
        engine::Traffic traffic;
        (void)lab::wait_until(
            [&] {
                site_.pass(2s);
                traffic = site_.balancer().run([&] { return site_.engine().observe().targets.at(target); });
                return traffic.flows_total >= flows;
            },
            10s);
        return traffic;
    }

    Site site_;
    std::vector<std::unique_ptr<Server>> servers_;
};

const auto kEven = UnorderedElementsAre(Pair("one", 4), Pair("two", 4));

// ---- what carries packets

struct Method {
    const char* name;
    ForwardKind kind;
    bool v4;
    const char* device;  // of the backends
};
const Method kMethods[] = {
    {"Nat", ForwardKind::nat, true, nullptr},
    {"NatOverIpv6", ForwardKind::nat, false, nullptr},
    {"Direct", ForwardKind::dsr, true, nullptr},
    {"DirectOverIpv6", ForwardKind::dsr, false, nullptr},
    {"Ipip", ForwardKind::ipip, true, "link add name tunnel type ipip local {} remote any\n"},
    {"IpipOverIpv6", ForwardKind::ipip, false,
     "link add name tunnel type ip6tnl mode ip6ip6 local {} remote any\n"},
    {"Gre", ForwardKind::gre, true, "link add name tunnel type gre local {} remote any\n"},
    {"GreOverIpv6", ForwardKind::gre, false, "link add name tunnel type ip6gre local {} remote any\n"},
    {"Gue", ForwardKind::gue, true,
     "fou add port 6080 gue\nlink add name tunnel type ipip local {} remote any\n"},
    {"GueOverIpv6", ForwardKind::gue, false,
     "fou add port 6080 gue -6\nlink add name tunnel type ip6tnl mode ip6ip6 local {} remote any\n"},
};

class Methods : public IpvsVm, public testing::WithParamInterface<Method> {};

TEST_P(Methods, CarryConnections) {
    const auto& method = GetParam();
    if (method.kind != ForwardKind::nat) site_.answer_directly();
    for (int number : {1, 2}) {
        if (!method.device) break;
        const auto address = backend(number, 1, method.v4).address.text();
        lab::ip_batch(site_.backend(number),
                      fmt::format(fmt::runtime(method.device), address) + "link set tunnel up\n");
        for (const char* name : {"all", "tunnel"})
            site_.backend(number).sysctl(fmt::format("net.ipv4.conf.{}.rp_filter", name), "0");
    }
    start_servers();
    const std::string vip = method.v4 ? kVip : kVip6;
    apply({{.vip = vip, .method = method.kind, .backends = both(method.v4)}});
    EXPECT_THAT(answers(method.v4 ? vip + ":80" : "[" + vip + "]:80"), kEven) << site_.ipvsadm();
}

INSTANTIATE_TEST_SUITE_P(Ipvs, Methods, testing::ValuesIn(kMethods),
                         [](const auto& method) { return std::string(method.param.name); });

TEST_F(IpvsVm, TranslatesPorts) {
    start_servers(8080);
    auto backends = both();
    for (auto& each : backends) each.port = net::Port(8080);
    apply({{.backends = backends}});
    EXPECT_THAT(answers("192.0.2.100:80"), kEven);
    EXPECT_THAT(site_.ipvsadm(), HasSubstr("-a -t 192.0.2.100:80 -r 10.1.10.11:8080 -m -w 1"));
}

TEST_F(IpvsVm, SharesByWeights) {
    start_servers();
    apply({{.backends = {backend(1, 1), backend(2, 3)}, .ipvs = {.scheduler = "wrr"}}});
    EXPECT_THAT(answers("192.0.2.100:80", 20), UnorderedElementsAre(Pair("one", 5), Pair("two", 15)));
}

TEST_F(IpvsVm, KeepsAPersistentClientOnOneBackend) {
    start_servers();
    apply({{.backends = both(), .ipvs = {.scheduler = "rr", .persistence = 300s, .netmask_v4 = 24}}});
    EXPECT_EQ(answers("192.0.2.100:80").size(), 1u);
    EXPECT_THAT(site_.ipvsadm(), HasSubstr("-A -t 192.0.2.100:80 -s rr -p 300 -M 255.255.255.0"));
}

TEST_F(IpvsVm, TakesMarkedPackets) {
    start_servers();
    for (const char* port : {"80", "81"}) {
        auto done =
            lab::run(site_.balancer(), {"iptables-legacy", "-t", "mangle", "-A", "PREROUTING", "-d", kVip,
                                        "-p", "tcp", "--dport", port, "-j", "MARK", "--set-mark", "7"});
        ASSERT_EQ(done.status, 0) << done.err;
    }
    site_.balancer().add_address("lo", std::string(kVip) + "/32");
    auto backends = both();
    for (auto& each : backends) each.port = net::Port(80);
    apply({{.backends = backends, .mark = model::Mark{7}}});
    EXPECT_THAT(answers("192.0.2.100:80"), kEven);
    EXPECT_THAT(answers("192.0.2.100:81"), kEven) << "of both ports";
    EXPECT_THAT(site_.ipvsadm(), HasSubstr("-A -f 7 -s rr"));
}

TEST_F(IpvsVm, SchedulesEachDatagramAnew) {
    start_servers();
    Wish wish{.backends = both(), .protocol = model::Protocol::udp};
    apply({wish});
    EXPECT_THAT(answers("192.0.2.100:80", 8, Talk::udp), kEven);
    EXPECT_EQ(ask_by_one_flow(site_.client(), "192.0.2.100:80", 8).size(), 1u) << "a flow has one backend";
    wish.ipvs.one_packet = true;
    apply({wish});
    EXPECT_THAT(site_.ipvsadm(), HasSubstr("-A -u 192.0.2.100:80 -s rr -o"));
    EXPECT_THAT(ask_by_one_flow(site_.client(), "192.0.2.100:80", 8), kEven);
}

TEST_F(IpvsVm, CarriesSctp) {
    start_servers();
    apply({{.backends = both(), .protocol = model::Protocol::sctp}});
    EXPECT_THAT(answers("192.0.2.100:80", 4, Talk::sctp),
                UnorderedElementsAre(Pair("one", 2), Pair("two", 2)));
}

TEST_F(IpvsVm, HoldsThresholds) {
    start_servers();
    auto backends = both();
    backends[0].max_connections = 4;
    backends[0].min_connections = 2;
    apply({{.backends = backends}});
    EXPECT_THAT(site_.ipvsadm({"-L", "-n", "--thresholds"}), testing::ContainsRegex("10.1.10.11:80 +4 +2 "));
    std::vector<std::unique_ptr<Conversation>> open;
    std::map<std::string, int> answers;
    for (int i = 0; i < 12; ++i) {
        open.push_back(std::make_unique<Conversation>(site_.client(), "192.0.2.100:80"));
        ++answers[open.back()->ask()];
    }
    EXPECT_THAT(answers, UnorderedElementsAre(Pair("one", 4), Pair("two", 8)));
}

TEST_F(IpvsVm, KnowsEverySchedulerOfTheKernel) {
    for (const char* scheduler :
         {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}) {
        apply({{.backends = both(), .ipvs = {.scheduler = scheduler}}});
        EXPECT_THAT(site_.ipvsadm(), HasSubstr(fmt::format("-A -t 192.0.2.100:80 -s {}", scheduler)));
    }
    apply({{.backends = both(), .ipvs = {.scheduler = "mh", .scheduler_flags = {"mh-fallback", "mh-port"}}}});
    EXPECT_THAT(site_.ipvsadm(), HasSubstr("-s mh -b mh-fallback,mh-port"));
}

// ---- what is there already

TEST_F(IpvsVm, AdoptsWhatTheDaemonBeforeItMade) {
    start_servers();
    apply({{.backends = both()}});
    Conversation old(site_.client(), "192.0.2.100:80");
    const auto name = old.ask();
    const auto before = site_.ipvsadm();
    site_.restart();
    EXPECT_EQ(old.ask(), name) << "while there is no daemon";
    auto recovered = site_.balancer().run([&] { return site_.engine().recovered(); });
    EXPECT_EQ(recovered.size(), 2u);
    apply({{.backends = both()}});
    EXPECT_EQ(site_.ipvsadm(), before);
    EXPECT_EQ(old.ask(), name);
    EXPECT_THAT(answers("192.0.2.100:80"), kEven);
}

TEST_F(IpvsVm, LeavesSomebodyElsesServiceAlone) {
    site_.ipvsadm({"-A", "-t", "192.0.2.100:80", "-s", "sh"});
    site_.ipvsadm({"-A", "-t", "192.0.2.7:80", "-s", "rr"});
    const auto before = site_.ipvsadm();
    ASSERT_TRUE(site_.apply({{.backends = both()}}));
    EXPECT_THAT(site_.why_unreachable(), HasSubstr("did not make"));
    site_.pass(1min);
    EXPECT_EQ(site_.ipvsadm(), before);
    ASSERT_TRUE(site_.apply(std::vector<Wish>{}));
    site_.pass(1min);
    EXPECT_EQ(site_.ipvsadm(), before);
    ASSERT_TRUE(site_.balancer().run([&] { return engine::ipvs::clean_up(site_.record()); }));
    EXPECT_EQ(site_.ipvsadm(), before);
}

TEST_F(IpvsVm, PutsBackWhatSomebodyChanged) {
    apply({{.backends = both()}});
    const auto before = site_.ipvsadm();
    const std::vector<std::vector<std::string>> changes = {
        {"-e", "-t", "192.0.2.100:80", "-r", "10.1.10.11:80", "-g", "-w", "9"},
        {"-d", "-t", "192.0.2.100:80", "-r", "10.1.10.12:80"},
        {"-E", "-t", "192.0.2.100:80", "-s", "sh", "-p", "60"},
        {"-a", "-t", "192.0.2.100:80", "-r", "10.1.10.13:80", "-m"},
        {"-C"}};
    for (const auto& change : changes) {
        site_.ipvsadm(change);
        EXPECT_NE(site_.ipvsadm(), before);
        site_.pass(9s);
        EXPECT_EQ(site_.ipvsadm(), before) << fmt::format("{}", fmt::join(change, " "));
    }
    site_.balancer().remove_address("lo", std::string(kVip) + "/32");
    site_.pass(3s);
    EXPECT_TRUE(has_vip());
}

TEST_F(IpvsVm, CleansUp) {
    apply({{.backends = both()}, {.vip = kVip6, .backends = both(false)}});
    EXPECT_TRUE(has_vip());
    auto done = site_.balancer().run([&] { return engine::ipvs::clean_up(site_.record()); });
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(site_.ipvsadm(), "");
    EXPECT_FALSE(has_vip());
}

TEST_F(IpvsVm, LeavesAnAddressThatWasThere) {
    site_.balancer().add_address("lo", std::string(kVip) + "/32");
    apply({{.backends = both()}});
    apply({});
    EXPECT_EQ(site_.ipvsadm(), "");
    EXPECT_TRUE(has_vip());
}

// ---- backends that go

TEST_F(IpvsVm, DrainsABackendUntilItsConnectionsEnd) {
    start_servers();
    apply({{.backends = both()}});
    auto held = std::make_unique<Conversation>(site_.client(), "192.0.2.100:80");
    const auto name = held->ask();
    const int number = name == "one" ? 1 : 2, other = 3 - number;
    apply({{.backends = {backend(other)}}});
    const auto row = fmt::format("-r 10.1.10.1{}:80", number);
    EXPECT_THAT(answers("192.0.2.100:80").size(), 1u) << "none of the new ones";
    site_.pass(1h);
    EXPECT_THAT(site_.ipvsadm(), HasSubstr(row + " -m -w 0"));
    EXPECT_EQ(held->ask(), name);
    held.reset();
    EXPECT_TRUE(lab::wait_until(
        [&] {
            site_.pass(3s);
            return site_.ipvsadm().find(row) == std::string::npos;
        },
        30s));
}

TEST_F(IpvsVm, SendsNothingToABackendThatIsDown) {
    start_servers();
    apply({{.backends = both()}});
    model::Plan plan;
    plan.frontends.push_back(frontend({.backends = both()}));
    auto down = plan.frontends.back();
    down.targets[0].accepts = model::Accepts::nothing;
    model::Plan next;
    next.frontends.push_back(down);
    ASSERT_TRUE(site_.apply(next));
    EXPECT_THAT(answers("192.0.2.100:80"), UnorderedElementsAre(Pair("two", 8)));
    EXPECT_THAT(site_.ipvsadm(), Not(HasSubstr("10.1.10.11")));
}

// ---- what is said

TEST_F(IpvsVm, CountsWhatTheKernelCounts) {
    start_servers();
    apply({{.backends = {backend(1)}}});
    EXPECT_THAT(answers("192.0.2.100:80", 5), UnorderedElementsAre(Pair("one", 5)));
    const Conversation held(site_.client(), "192.0.2.100:80");
    const model::TargetKey key{frontend({}).key, backend(1).address};
    const auto traffic = counted(key, 6);
    EXPECT_EQ(traffic.flows_total, 6u);
    EXPECT_EQ(traffic.flows.established, 1u);
    EXPECT_GE(traffic.packets_total, 6u * 4);
    EXPECT_GE(traffic.bytes_total, traffic.packets_total * 40);
}

TEST_F(IpvsVm, TracesAConnection) {
    start_servers();
    apply({{.backends = both()}});
    const engine::Flow flow{at("10.1.1.1:4444"), frontend({}).key};
    auto trace = [&] { return lab::must(site_.balancer().run([&] { return site_.engine().trace(flow); })); };
    EXPECT_FALSE(trace().backend);
    const auto connected = site_.client().run([&] {
        UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto from = net::to_socket_address(flow.source),
                   to = net::to_socket_address(at("192.0.2.100:80"));
        lab::check(::bind(socket.get(), from.get(), from.size), "bind");
        lab::check(::connect(socket.get(), to.get(), to.size), "connect");
        return socket;
    });
    EXPECT_THAT(trace().backend, testing::Optional(testing::AnyOf(backend(1).address, backend(2).address)));
    EXPECT_EQ(trace().reason, "flow table");
}

TEST_F(IpvsVm, NamesTheModuleOfASchedulerThatTheKernelLacks) {
    ASSERT_TRUE(site_.apply({{.backends = both(), .ipvs = {.scheduler = "nosuch"}}}));
    EXPECT_THAT(site_.why_unreachable(), HasSubstr("module ip_vs_nosuch"));
    EXPECT_EQ(site_.ipvsadm(), "");
    apply({{.backends = both()}});
}

TEST_F(IpvsVm, SaysWhichSysctlNatLacks) {
    site_.balancer().sysctl("net.ipv4.ip_forward", "0");
    ASSERT_TRUE(site_.apply({{.backends = both()}}));
    EXPECT_THAT(site_.why_unreachable(), HasSubstr("net.ipv4.ip_forward"));
    site_.balancer().sysctl("net.ipv4.ip_forward", "1");
    site_.pass(3s);
    EXPECT_EQ(site_.why_unreachable(), "");
}

TEST_F(IpvsVm, SetsTheSyncDaemonAndTheTimeouts) {
    model::Plan plan;
    plan.ipvs_sync = model::IpvsSync{.interface = "eth1", .id = 9, .ttl = 2};
    plan.ipvs_timeouts = model::IpvsTimeouts{.tcp = 600s, .udp = 30s};
    ASSERT_TRUE(site_.apply(plan));
    EXPECT_THAT(site_.ipvsadm({"-L", "--daemon"}), HasSubstr("master sync daemon (mcast=eth1, syncid=9"));
    EXPECT_THAT(site_.ipvsadm({"-L", "--daemon"}), HasSubstr("backup sync daemon (mcast=eth1, syncid=9"));
    EXPECT_THAT(site_.ipvsadm({"-L", "--timeout"}), HasSubstr("600 120 30"));
    site_.ipvsadm({"--stop-daemon", "master"});
    site_.pass(3s);
    EXPECT_THAT(site_.ipvsadm({"-L", "--daemon"}), HasSubstr("master"));
    ASSERT_TRUE(site_.apply(model::Plan()));
    EXPECT_EQ(site_.ipvsadm({"-L", "--daemon"}), "");
}

// ---- without IPVS; first in the suite, while the module is not loaded

using IpvsMissing = IpvsVm;

TEST_F(IpvsMissing, IsSaidAndNothingElseHappens) {
    ASSERT_TRUE(site_.apply({{.backends = both()}}));
    EXPECT_THAT(site_.why_unreachable(), HasSubstr("the kernel has no IPVS (module ip_vs): modprobe ip_vs"));
    EXPECT_FALSE(has_vip());
    ASSERT_EQ(lab::run(site_.balancer(), {"modprobe", "ip_vs"}).status, 0);
    site_.pass(3s);
    EXPECT_EQ(site_.why_unreachable(), "");
    EXPECT_THAT(site_.ipvsadm(), HasSubstr("-A -t 192.0.2.100:80 -s rr"));
}

}  // namespace
}  // namespace weir::vm
