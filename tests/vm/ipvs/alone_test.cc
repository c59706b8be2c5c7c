// The daemon with services of IPVS's alone: no interface is named, and there is no BPF file system.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "lab/process.h"
#include "tests/vm/ipvs/site.h"

namespace weir::vm {
namespace {

using testing::HasSubstr, testing::IsEmpty, testing::Pair, testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr auto kSoon = 30s;  // an emulated machine is slow

class IpvsAlone : public testing::Test {
  protected:
    IpvsAlone() {
        for (int number : {1, 2})
            servers_.push_back(std::make_unique<Server>(site_.backend(number), uint16_t{80}));
    }

    static std::string config(const std::string& services) {
        return "pools: {p: {static: [10.1.10.11, 10.1.10.12]}}\nservices: {" + services + "}\n";
    }
    static std::string web() {
        return config(
            "web: {engine: ipvs, vip: 192.0.2.100, ports: 80, pool: p, forward: nat, scheduler: rr, "
            "checks: [{tcp: {}, interval: 200ms, timeout: 200ms}]}");
    }

    std::vector<std::string> weir(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {WEIR_BINARY, "--socket", dir_ / "weir.sock"});
        return arguments;
    }
    void start(const std::string& yaml) {
        auto file = dir_.write("weir.yaml", yaml);
        daemon_ = std::make_unique<lab::Process>(
            site_.balancer(), weir({"run", "-c", file, "--pin", dir_ / "pins", "--state", dir_ / "state"}),
            lab::ProcessOptions{.output_file = dir_ / "log"});
    }
    std::string tell(std::vector<std::string> arguments) {
        auto done = lab::run(site_.balancer(), weir(std::move(arguments)));
        return done.out + done.err;
    }
    std::string log() const { return lab::read_file(dir_ / "log"); }
    auto answers() { return ask_often(site_.client(), "192.0.2.100:80", 4); }
    bool is_answered_by(const std::map<std::string, int>& wanted) {
        return lab::wait_until([&] { return answers() == wanted; }, kSoon);
    }

    Site site_;
    std::vector<std::unique_ptr<Server>> servers_;
    lab::TempDir dir_;
    std::unique_ptr<lab::Process> daemon_;
};

TEST_F(IpvsAlone, CarriesAServiceWithoutXdp) {
    start(web());
    ASSERT_TRUE(is_answered_by({{"one", 2}, {"two", 2}})) << log();
    EXPECT_FALSE(std::filesystem::exists(dir_ / "pins")) << "XDP is not started";
    EXPECT_THAT(tell({"status", "--json"}), HasSubstr(R"("engine":"ipvs")"));
    EXPECT_THAT(tell({"services", "--json"}), HasSubstr(R"("scheduler":"rr")"));

    servers_.pop_back();
    ASSERT_TRUE(is_answered_by({{"one", 4}})) << "checks say that the other is down\n" << log();
    servers_.push_back(std::make_unique<Server>(site_.backend(2), uint16_t{80}));
    ASSERT_TRUE(is_answered_by({{"one", 2}, {"two", 2}})) << log();
}

TEST_F(IpvsAlone, KnowsWhenTheLastConnectionOfADrainHasEnded) {
    start(web());
    // Nobody asks before: the kernel remembers a connection that has ended in order for two minutes.
    ASSERT_TRUE(lab::wait_until(
        [&] { return tell({"services", "--json"}).find(R"("up":2)") != std::string::npos; }, kSoon))
        << log();
    auto held = std::make_optional<Conversation>(site_.client(), "192.0.2.100:80");
    const bool first = held->ask() == "one";
    lab::Process drain(site_.balancer(), weir({"drain", first ? "10.1.10.11" : "10.1.10.12", "--wait"}));
    EXPECT_TRUE(lab::wait_until([&] { return drain.out().find("1 flow left") != std::string::npos; }, kSoon))
        << drain.out() << drain.err();
    EXPECT_THAT(answers(), UnorderedElementsAre(Pair(first ? "two" : "one", 4)));
    EXPECT_EQ(held->ask(), first ? "one" : "two");
    EXPECT_TRUE(drain.alive());
    held.reset();
    EXPECT_EQ(drain.wait(kSoon), 0) << drain.out() << drain.err();
    EXPECT_THAT(drain.out(), HasSubstr("drained"));
}

TEST_F(IpvsAlone, LeavesItsServicesInForceUntilTheyAreCleanedUp) {
    start(web());
    ASSERT_TRUE(is_answered_by({{"one", 2}, {"two", 2}})) << log();
    daemon_->kill(SIGTERM);
    EXPECT_EQ(daemon_->wait(kSoon), 0) << log();
    EXPECT_EQ(answers(), (std::map<std::string, int>{{"one", 2}, {"two", 2}}));
    EXPECT_EQ(tell({"run", "--cleanup", "--pin", dir_ / "pins", "--state", dir_ / "state"}), "");
    EXPECT_THAT(site_.ipvsadm(), IsEmpty());
}

TEST_F(IpvsAlone, RemovesWhatAFormerDaemonLeftAndNoServiceUsesAnyMore) {
    start(web());
    ASSERT_TRUE(is_answered_by({{"one", 2}, {"two", 2}})) << log();
    dir_.write("weir.yaml", config(""));
    daemon_->kill(SIGHUP);
    EXPECT_TRUE(lab::wait_until([&] { return site_.ipvsadm().empty(); }, kSoon)) << log();
    dir_.write("weir.yaml", web());
    daemon_->kill(SIGHUP);
    ASSERT_TRUE(is_answered_by({{"one", 2}, {"two", 2}})) << log();

    daemon_->kill(SIGKILL);
    EXPECT_TRUE(daemon_->wait(kSoon));
    start(config(""));
    EXPECT_TRUE(lab::wait_until([&] { return site_.ipvsadm().empty(); }, kSoon)) << log();
}

}  // namespace
}  // namespace weir::vm
