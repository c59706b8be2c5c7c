// The source `ganglia` against real gmonds: one that is asked, and hosts that report to it.
#include <gmock/gmock.h>

#include "discovery/kinds.h"
#include "lab/gmond.h"
#include "lab/lab.h"
#include "tests/e2e/lone_source.h"

namespace weir::e2e {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Members = std::set<std::string>;

constexpr const char* kAddress = "10.9.0.1";

class DiscoveryGanglia : public testing::Test {
  protected:
    void SetUp() override {
        for (const auto& why : {lab::why_no_lab(), lab::Gmond::why_not()})
            if (!why.empty()) GTEST_SKIP() << why;
        lab_.emplace("ganglia");
        lab_->lan("switch", {&server(), &worker(), &lab_->host("weir")}, "eth0");
        server().add_address("eth0", "10.9.0.1/24");
        worker().add_address("eth0", "10.9.0.3/24");
        lab_->host("weir").add_address("eth0", "10.9.0.2/24");
    }
    lab::Host& server() { return lab_->host("server"); }
    lab::Host& worker() { return lab_->host("worker"); }
    lab::Gmond& gmond() { return *gmond_; }
    void serve(lab::GmondOptions options = {}) {
        gmond_.emplace(server(), kAddress, options);
        gmond().report(kAddress, "load_one", 0);
    }
    void begin(LoneSource::Spec settings = {}) {
        settings.emplace("address", std::string(kAddress) + ":8649");
        settings.emplace("interval", 1000ms);
        source_.emplace(lab_->host("weir"), discovery::ganglia_kind(), std::move(settings));
    }

    std::optional<lab::Lab> lab_;
    std::optional<lab::Gmond> gmond_;
    std::optional<LoneSource> source_;
};

TEST_F(DiscoveryGanglia, FollowsHostsAndTheirLoad) {
    serve();
    begin({{"port", int64_t{80}}});
    ASSERT_TRUE(source_->awaits({"10.9.0.1:80*10"})) << source_->error();
    gmond().report("10.9.0.7", "load_one", 1);
    ASSERT_TRUE(source_->awaits({"10.9.0.1:80*10", "10.9.0.7:80*5"}));
    gmond().report("10.9.0.7", "cpu_num", 4);
    ASSERT_TRUE(source_->awaits({"10.9.0.1:80*10", "10.9.0.7:80*8"})) << "a quarter of load for each CPU";
    gmond().report("10.9.0.7", "load_one", 100);
    ASSERT_TRUE(source_->awaits({"10.9.0.1:80*10", "10.9.0.7:80"}));
    EXPECT_EQ(source_->times_failed(), 0u);
}

TEST_F(DiscoveryGanglia, TakesAnotherMetricOfOneCluster) {
    serve({.cluster = "mine"});
    gmond().report("10.9.0.7", "lbtest", 42);
    begin({{"metric", std::string("lbtest")},
           {"half_at", std::string("42")},
           {"scale", int64_t{100}},
           {"cluster", std::string("mine")}});
    ASSERT_TRUE(source_->awaits({"10.9.0.7*50"})) << source_->error();
    EXPECT_THAT(source_->last().refused, testing::ElementsAre("10.9.0.1: it has not told the metric"));
    begin({{"cluster", std::string("yours")}});
    ASSERT_TRUE(source_->awaits_failure("there is no cluster 'yours', but mine"));
}

TEST_F(DiscoveryGanglia, LeavesOutAHostThatHasBeenSilentForFourTimesItsTime) {
    serve({.tmax = 1});
    lab::Gmond other(worker(), "10.9.0.3", {.tell = kAddress, .tmax = 1});
    other.report("10.9.0.3", "load_one", 1);
    begin();
    ASSERT_TRUE(source_->awaits({"10.9.0.1*10", "10.9.0.3*5"})) << source_->error();
    other.kill();
    source_->idle(2s);
    EXPECT_EQ(source_->members(), (Members{"10.9.0.1*10", "10.9.0.3*5"}));
    ASSERT_TRUE(source_->awaits({"10.9.0.1*10"}));
    other.start();
    ASSERT_TRUE(source_->awaits({"10.9.0.1*10", "10.9.0.3*5"}));
}

TEST_F(DiscoveryGanglia, KeepsTheHostsThatARestartedServerHasYetToHearOf) {
    serve();
    gmond().report("10.9.0.7", "load_one", 1);
    begin();
    ASSERT_TRUE(source_->awaits({"10.9.0.1*10", "10.9.0.7*5"})) << source_->error();
    gmond().kill();
    ASSERT_TRUE(source_->awaits_failure("cannot connect to 10.9.0.1:8649: Connection refused"))
        << source_->error();
    EXPECT_EQ(source_->members(), (Members{"10.9.0.1*10", "10.9.0.7*5"}));
    gmond().start();
    gmond().report(kAddress, "load_one", 1);
    ASSERT_TRUE(source_->awaits({"10.9.0.1*5", "10.9.0.7*5"})) << source_->error();
}

TEST_F(DiscoveryGanglia, KeepsWhatItKnowsWhileTheServerHangs) {
    serve();
    begin();
    ASSERT_TRUE(source_->awaits({"10.9.0.1*10"})) << source_->error();
    gmond().process().kill(SIGSTOP);
    ASSERT_TRUE(source_->awaits_failure("it took longer than 10s")) << source_->error();
    EXPECT_EQ(source_->members(), (Members{"10.9.0.1*10"}));
    gmond().process().kill(SIGCONT);
    ASSERT_TRUE(source_->awaits({"10.9.0.1*10"}));
}

}  // namespace
}  // namespace weir::e2e
