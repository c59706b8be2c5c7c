#include "engine/ipvs/ipvs.h"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include "base/fake_clock.h"
#include "base/temp_dir_fixture.h"
#include "engine/ipvs/fake_kernel.h"
#include "engine/ipvs/plan_fixture.h"

namespace weir::engine::ipvs {
namespace {

using model::Accepts, model::ForwardKind;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;
using namespace std::chrono_literals;

const ServiceKey kWeb{ip("192.0.2.1"), net::Port(80), IPPROTO_TCP};
const auto kOne = at("10.0.0.1:80"), kTwo = at("10.0.0.2:80");
const model::TargetKey kFirst{web(), ip("10.0.0.1")}, kSecond{web(), ip("10.0.0.2")};

class IpvsTest : public testing::Test {
  protected:
    IpvsTest() { restart(); }

    /// A new daemon on the same kernel, with the same record.
    void restart() {
        engine_.reset();
        engine_ = std::make_unique<Ipvs>(io_.get_executor(), clock_, std::make_unique<FakeKernel>(kernel_),
                                         Record(record(), "boot"), [this] { ++told_; });
    }
    std::string record() const { return dir_ / "ipvs.json"; }
    void apply(std::vector<model::Frontend> frontends) {
        auto done = engine_->apply(plan_of(std::move(frontends)));
        EXPECT_TRUE(done) << done.error().message;
        clock_.settle();
    }
    void apply_two() { apply({frontend(web(), {target("10.0.0.1"), target("10.0.0.2", 3)})}); }
    FoundDestination& destination(const net::Endpoint& place) {
        return kernel_.contents.services.at(kWeb).destinations.at(place);
    }
    std::string why(const model::TargetKey& key) const {
        auto found = engine_->unreachable().find(key);
        return found == engine_->unreachable().end() ? "" : found->second;
    }
    std::vector<Change> made_by_a_look() {
        kernel_.take();
        clock_.move(3s);
        return kernel_.take();
    }

    boost::asio::io_context io_;
    FakeClock clock_{io_};
    TempDir dir_;
    FakeState kernel_;
    int told_ = 0;
    std::unique_ptr<Ipvs> engine_;
};

TEST_F(IpvsTest, NeedsNoModuleWithoutServices) {
    kernel_.has_module = false;
    apply({});
    EXPECT_EQ(kernel_.readings, 0u);
    EXPECT_EQ(clock_.alarms(), 0u);
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
}

TEST_F(IpvsTest, MakesTheServiceWithItsDestinationsAndAddress) {
    apply_two();
    EXPECT_THAT(
        kernel_.take(),
        ElementsAre(AddService{kWeb, {"wlc"}}, AddDestination{kWeb, kOne, {Method::direct, {}, 1}},
                    AddDestination{kWeb, kTwo, {Method::direct, {}, 3}}, AddAddress{ip("192.0.2.1")}));
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
    apply_two();
    EXPECT_THAT(kernel_.take(), IsEmpty()) << "the same plan again";
}

TEST_F(IpvsTest, SaysThatTheModuleIsMissingAndGoesOnWhenItComes) {
    kernel_.has_module = false;
    apply_two();
    EXPECT_THAT(why(kFirst), HasSubstr("module ip_vs"));
    EXPECT_EQ(told_, 1);
    kernel_.has_module = true;
    EXPECT_THAT(made_by_a_look(), SizeIs(4));
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
    EXPECT_EQ(told_, 2);
}

TEST_F(IpvsTest, NamesTheModuleOfAMissingScheduler) {
    auto missing = frontend(web(), {target("10.0.0.1")});
    missing.ipvs->scheduler = "dh";
    apply({missing});
    EXPECT_THAT(why(kFirst), HasSubstr("ip_vs_dh"));
    EXPECT_THAT(kernel_.contents.services, IsEmpty());
    kernel_.schedulers.insert("dh");
    made_by_a_look();
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
    EXPECT_THAT(kernel_.contents.services, SizeIs(1));
}

TEST_F(IpvsTest, LeavesSomebodyElsesServiceAlone) {
    kernel_.contents.services[kWeb] = {{"rr"}, {{kTwo, {}}}};
    const auto before = kernel_.contents;
    auto other = frontend(web("192.0.2.2"), {target("10.0.0.1")});
    apply({frontend(web(), {target("10.0.0.1")}), other});
    EXPECT_THAT(why(kFirst), HasSubstr("did not make"));
    EXPECT_EQ(why({other.key, ip("10.0.0.1")}), "") << "the other service is in force";
    EXPECT_EQ(kernel_.contents.services.at(kWeb), before.services.at(kWeb));
    clock_.move(1min);
    apply({});
    EXPECT_EQ(kernel_.contents.services, before.services) << "nor when the plan drops it";
}

TEST_F(IpvsTest, TakesOverOnceTheForeignServiceHasGone) {
    kernel_.contents.services[kWeb] = {{"rr"}};
    apply_two();
    kernel_.contents.services.clear();
    made_by_a_look();
    EXPECT_EQ(kernel_.contents.services.at(kWeb).settings.scheduler, "wlc");
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
}

TEST_F(IpvsTest, AdoptsWhatAFormerDaemonMade) {
    apply_two();
    destination(kOne).use = {5, 5, 100, 1000, 10000};
    restart();
    kernel_.take();
    apply({frontend(web(), {target("10.0.0.1"), target("10.0.0.2", 4)})});
    EXPECT_THAT(kernel_.take(), ElementsAre(EditDestination{kWeb, kTwo, {Method::direct, {}, 4}}));
}

TEST_F(IpvsTest, RemovesWhatAFormerDaemonMadeAndNobodyWants) {
    apply_two();
    restart();
    kernel_.take();
    apply({});
    EXPECT_THAT(kernel_.take(), ElementsAre(RemoveAddress{ip("192.0.2.1")}, RemoveService{kWeb}));
    made_by_a_look();
    EXPECT_FALSE(std::filesystem::exists(record())) << "nothing is ours any more";
    EXPECT_EQ(clock_.alarms(), 0u);
}

TEST_F(IpvsTest, StillOwnsWhatTheKernelsListHasMissed) {
    apply_two();
    kernel_.overlooked.insert(kWeb);
    made_by_a_look();
    EXPECT_THAT(why(kFirst), HasSubstr("is there"));
    kernel_.overlooked.clear();
    EXPECT_THAT(made_by_a_look(), IsEmpty());
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
}

TEST_F(IpvsTest, TakesTheTargetsOfAFormerDaemonForHealthy) {
    apply_two();
    kernel_.contents.services[{ip("192.0.2.9"), net::Port(80), IPPROTO_TCP}] = {{"rr"}, {{kOne, {}}}};
    restart();
    auto health = engine_->recovered();
    EXPECT_THAT(health, SizeIs(2));
    EXPECT_TRUE(health.at(kFirst).up);
    EXPECT_TRUE(health.at(kSecond).up);
}

TEST_F(IpvsTest, ChangesNothingThatItCannotPutOnRecord) {
    std::filesystem::create_directory(record());  // in the file's place
    restart();
    auto done = engine_->apply(plan_of({frontend(web(), {target("10.0.0.1")})}));
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("record"));
    EXPECT_THAT(kernel_.take(), IsEmpty());
}

TEST_F(IpvsTest, PutsBackWhatSomebodyChanged) {
    apply_two();
    destination(kTwo).settings.weight = 50;
    kernel_.contents.services.at(kWeb).settings.scheduler = "rr";
    EXPECT_THAT(made_by_a_look(), ElementsAre(EditService{kWeb, {"wlc"}},
                                              EditDestination{kWeb, kTwo, {Method::direct, {}, 3}}));
    kernel_.contents.services.clear();
    kernel_.contents.addresses.clear();
    EXPECT_THAT(made_by_a_look(), SizeIs(4));
    EXPECT_THAT(made_by_a_look(), IsEmpty());
}

TEST_F(IpvsTest, TakesAwayADestinationThatSomebodyAdded) {
    apply_two();
    kernel_.contents.services.at(kWeb).destinations[at("10.0.0.9:80")] = {{.weight = 1}};
    EXPECT_THAT(made_by_a_look(), SizeIs(1)) << "no new connections";
    EXPECT_THAT(made_by_a_look(), ElementsAre(RemoveDestination{kWeb, at("10.0.0.9:80")}));
}

TEST_F(IpvsTest, DrainsABackendThatLeaves) {
    apply_two();
    destination(kOne).use.active = 2;
    apply({frontend(web(), {target("10.0.0.2", 3)})});
    EXPECT_EQ(destination(kOne).settings.weight, 0u);
    EXPECT_THAT(made_by_a_look(), IsEmpty()) << "its connections go on";
    destination(kOne).use.active = 0;
    EXPECT_THAT(made_by_a_look(), ElementsAre(RemoveDestination{kWeb, kOne}));
}

TEST_F(IpvsTest, KeepsADrainingBackendThatIsInThePlan) {
    apply({frontend(web(), {target("10.0.0.1", 1, Accepts::established)})});
    EXPECT_EQ(destination(kOne).settings.weight, 0u);
    EXPECT_THAT(made_by_a_look(), IsEmpty());
}

TEST_F(IpvsTest, CutsABackendThatIsDown) {
    apply_two();
    destination(kOne).use.active = 2;
    apply({frontend(web(), {target("10.0.0.1", 1, Accepts::nothing), target("10.0.0.2", 3)})});
    EXPECT_THAT(kernel_.contents.services.at(kWeb).destinations, SizeIs(1));
}

TEST_F(IpvsTest, GoesOnTryingADestinationThatTheKernelRefuses) {
    kernel_.refused.insert(kOne);
    apply_two();
    EXPECT_THAT(why(kFirst), HasSubstr("refused"));
    EXPECT_EQ(why(kSecond), "");
    apply({frontend(web(), {target("10.0.0.1", 1, Accepts::nothing), target("10.0.0.2", 3)})});
    made_by_a_look();
    EXPECT_THAT(why(kFirst), HasSubstr("refused")) << "being down for it is no end of it";
    kernel_.refused.clear();
    made_by_a_look();
    EXPECT_EQ(why(kFirst), "");
    EXPECT_EQ(destination(kOne).settings.weight, 0u) << "it takes connections when the plan says so";
}

TEST_F(IpvsTest, SaysWhichSysctlNatLacks) {
    kernel_.contents.forwards_v4 = false;
    kernel_.contents.addresses = {ip("10.0.0.2")};
    apply({frontend(web(), {target("10.0.0.1"), target("10.0.0.2")}, ForwardKind::nat)});
    EXPECT_THAT(why(kFirst), HasSubstr("net.ipv4.ip_forward"));
    EXPECT_EQ(why(kSecond), "") << "its answers are this host's own";
    kernel_.contents.forwards_v4 = true;
    made_by_a_look();
    EXPECT_THAT(engine_->unreachable(), IsEmpty());
    kernel_.contents.forwards_v6 = false;
    apply({frontend(web("2001:db8::1"), {target("2001:db8::10")}, ForwardKind::nat)});
    EXPECT_THAT(why({web("2001:db8::1"), ip("2001:db8::10")}), HasSubstr("net.ipv6.conf.all.forwarding"));
}

TEST_F(IpvsTest, SaysWhatItCannotCarryOut) {
    auto range = frontend(web(), {target("10.0.0.1")});
    range.key.more_ports = 5;
    apply({range});
    EXPECT_THAT(why({range.key, ip("10.0.0.1")}), HasSubstr("one port or all"));
    EXPECT_THAT(kernel_.contents.services, IsEmpty());
}

TEST_F(IpvsTest, ShowsTheKernelsCounters) {
    apply_two();
    destination(kOne).use = {3, 4, 10, 20, 30};
    clock_.move(1s);
    const auto traffic = engine_->observe().targets.at(kFirst);
    EXPECT_EQ(traffic, (Traffic{7, 10, 20, 30, {.established = 3, .closing = 4}}));
    EXPECT_THAT(engine_->observe({kSecond}).targets, SizeIs(1));
}

TEST_F(IpvsTest, CountsOnWhereTheKernelBeginsAnew) {
    apply_two();
    destination(kOne).use = {1, 0, 10, 20, 30};
    clock_.move(3s);
    kernel_.contents.services.at(kWeb).destinations.erase(kOne);
    clock_.move(3s);
    destination(kOne).use = {0, 0, 1, 2, 3};
    clock_.move(3s);
    EXPECT_EQ(engine_->observe().targets.at(kFirst), (Traffic{0, 11, 22, 33, {}}));
}

TEST_F(IpvsTest, TellsHowOftenItHasCountedSoThatADrainKnowsWhenItsFlowsHaveEnded) {
    apply_two();
    auto counts = [&] { return engine_->observe({kFirst}).flow_table.counts_total; };
    const auto before = counts();
    EXPECT_EQ(counts(), before) << "at once it is not read again";
    clock_.move(1s);
    EXPECT_EQ(counts(), before + 1);
    kernel_.has_module = false;
    clock_.move(1s);
    EXPECT_EQ(counts(), before + 1);
}

TEST_F(IpvsTest, CountsDatagramsByThemselves) {
    auto dns = frontend(web(), {target("10.0.0.1")});
    dns.key.protocol = model::Protocol::udp;
    apply({dns});
    kernel_.contents.services.begin()->second.destinations.at(kOne).use = {0, 6};
    clock_.move(3s);
    EXPECT_EQ(engine_->observe().targets.at({dns.key, ip("10.0.0.1")}).flows, (FlowStates{.datagram = 6}));
}

TEST_F(IpvsTest, TracesAConnectionThatTheKernelKnows) {
    apply_two();
    const Flow flow{at("198.51.100.1:4000"), web()};
    auto verdict = engine_->trace(flow);
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->action, "forward");
    EXPECT_FALSE(verdict->backend) << "the kernel will choose";
    EXPECT_THAT(verdict->reason, HasSubstr("wlc"));
    kernel_.connections[flow.source] = kTwo;
    verdict = engine_->trace(flow);
    EXPECT_EQ(verdict->backend, ip("10.0.0.2"));
    EXPECT_EQ(verdict->reason, "flow table");
}

TEST_F(IpvsTest, TracesWhatHasNoChoice) {
    apply({frontend(web(), {target("10.0.0.1"), target("10.0.0.2", 1, Accepts::established)})});
    clock_.move(3s);
    const Flow flow{at("198.51.100.1:4000"), web()};
    EXPECT_EQ(engine_->trace(flow)->backend, ip("10.0.0.1"));
    EXPECT_EQ(engine_->trace({flow.source, web("192.0.2.7")})->reason, "no_service");
    apply({frontend(web(), {})});
    clock_.move(3s);
    EXPECT_EQ(engine_->trace(flow)->reason, "no_backend");
}

TEST_F(IpvsTest, ProbesTheBackendsOwnAddress) {
    auto backend = target("127.0.0.1");
    backend.backend.port = net::Port(8080);
    kernel_.contents.addresses = {ip("127.0.0.1")};
    const model::TargetKey key{web(), ip("127.0.0.1")};
    apply({frontend(web(), {backend}, ForwardKind::nat)});
    EXPECT_EQ(engine_->open_passage(key, net::Carrier::tcp, net::Port(80))->connect_to, at("127.0.0.1:8080"));
    EXPECT_EQ(engine_->open_passage(key, net::Carrier::tcp, net::Port(81))->connect_to, at("127.0.0.1:81"));
    apply({frontend(web(), {backend})});
    EXPECT_EQ(engine_->open_passage(key, net::Carrier::tcp, net::Port(80))->connect_to, at("127.0.0.1:80"));
    EXPECT_FALSE(engine_->open_passage(kFirst, net::Carrier::tcp, net::Port(80)));
}

TEST_F(IpvsTest, RunsTheSyncDaemonWithoutServices) {
    model::Plan plan;
    plan.ipvs_sync = model::IpvsSync{.role = model::IpvsRole::master, .interface = "eth0", .id = 3};
    ASSERT_TRUE(engine_->apply(plan));
    EXPECT_THAT(kernel_.contents.daemons, SizeIs(1));
    kernel_.contents.daemons.clear();
    EXPECT_THAT(made_by_a_look(), SizeIs(1)) << "somebody has stopped it";
    ASSERT_TRUE(engine_->apply({}));
    EXPECT_THAT(kernel_.contents.daemons, IsEmpty());
}

TEST_F(IpvsTest, CleansUpWhatIsItsOwn) {
    const ServiceKey foreign{ip("192.0.2.9"), net::Port(80), IPPROTO_TCP};
    kernel_.contents.services[foreign] = {{"rr"}};
    apply_two();
    FakeKernel kernel(kernel_);
    auto done = clean_up(kernel, Record(record(), "boot"));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_THAT(kernel_.contents.services, SizeIs(1));
    EXPECT_TRUE(kernel_.contents.services.contains(foreign));
    EXPECT_THAT(kernel_.contents.addresses, IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(record()));
}

TEST_F(IpvsTest, CleansUpNothingWithoutAModule) {
    kernel_.has_module = false;
    FakeKernel kernel(kernel_);
    EXPECT_TRUE(clean_up(kernel, Record(record(), "boot")));
    EXPECT_EQ(kernel_.readings, 0u);
}

}  // namespace
}  // namespace weir::engine::ipvs
