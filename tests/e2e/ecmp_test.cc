// Two balancers behind a router that spreads flows over both: the death of one breaks no connection.
#include <gtest/gtest.h>

#include "lab/twins.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

constexpr size_t kConnections = 300;
constexpr size_t kDatagramFlows = 30;
constexpr size_t kAll = kConnections + kDatagramFlows;

class Ecmp : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (auto why = lab::Bird::why_not(); !why.empty()) GTEST_SKIP() << why;
    }

    void start(const lab::TwinsOptions& options) {
        twins_.emplace(options, WEIR_BINARY);
        chats_.emplace(twins_->client(), twins_->vip(), kConnections, kDatagramFlows);
        ASSERT_TRUE(lab::wait_until([&] { return chats_->report().talking == kAll; }, kSoon))
            << chats_->report().first_error;
    }

    /// Every conversation has had an answer of late.
    bool all_go_on() {
        chats_->restart_clock();
        return lab::wait_until([&] { return chats_->report().longest_stall < 500ms; }, kSoon);
    }
    std::string logs() { return twins_->daemon(0).log() + twins_->daemon(1).log() + twins_->bird().log(); }

    std::optional<lab::Twins> twins_;
    std::optional<lab::Chats> chats_;  // ends before the lab does
};

TEST_F(Ecmp, NoConnectionBreaksWhenABalancerDiesAndWhenItComesBack) {
    start({.lab = "ecmp"});
    twins_->use_backends(4);
    const auto shared = [&] { return twins_->flows_from_peers(0) + twins_->flows_from_peers(1) >= kAll; };
    ASSERT_TRUE(lab::wait_until(shared, kSoon)) << logs();
    EXPECT_EQ(chats_->report().broken, 0u) << chats_->report().first_error;

    chats_->restart_clock();
    twins_->lose_power(0);
    ASSERT_TRUE(lab::wait_until([&] { return twins_->paths() == 1; }, kSoon)) << logs();
    ASSERT_TRUE(lab::wait_until([&] { return twins_->flows_from_peers(1) == 0; }, kSoon))
        << "all flows are the other one's own";
    auto report = chats_->report();
    fmt::print("[  measure ] the longest silence when a balancer died: {} ms\n",
               report.longest_stall.count());
    EXPECT_EQ(report.broken, 0u) << report.first_error;
    EXPECT_LT(report.longest_stall, 3s) << "BFD noticed it, not the hold timer";
    EXPECT_TRUE(all_go_on());

    twins_->boot(0);
    ASSERT_TRUE(lab::wait_until([&] { return twins_->paths() == 2; }, kSoon)) << logs();
    EXPECT_TRUE(all_go_on());
    report = chats_->report();
    fmt::print("[  measure ] the longest silence when it came back: {} ms\n", report.longest_stall.count());
    EXPECT_EQ(report.broken, 0u) << report.first_error;
}

TEST_F(Ecmp, WithoutSharingConnectionsBreak) {
    start({.lab = "ecmp-alone", .sync = false});
    twins_->use_backends(4);
    EXPECT_EQ(chats_->report().broken, 0u) << "each balancer knows its own flows";
    twins_->lose_power(0);
    EXPECT_TRUE(lab::wait_until([&] { return chats_->report().broken > 0; }, kSoon)) << logs();
}

}  // namespace
}  // namespace weir::e2e
