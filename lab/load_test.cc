// The demo's servers and loads without a balancer: the client's route leads straight to one backend. Needs
// root.
#include "lab/load.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lab/dsr.h"
#include "lab/outage.h"
#include "lab/tcp.h"
#include "lab/web.h"

namespace weir::lab {
namespace {

class LoadTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
    }
};

TEST_F(LoadTest, ABurstIsAnsweredByNameAndCountsWhatFails) {
    Dsr dsr({.backends = 1, .ipv6 = false});
    WebServer server(dsr.backend(0), "backend-1", WEIR_BINARY);
    const net::Endpoint there = endpoint("10.1.10.10:80");
    EXPECT_EQ(http_get(dsr.client(), there, "/alive"), "backend-1");
    const std::vector<Answer> good = burst(dsr.client(), there, 200, 8);
    EXPECT_EQ(good.size(), 200u);
    EXPECT_TRUE(
        std::ranges::all_of(good, [](const Answer& each) { return each.ok && each.text == "backend-1"; }));
    server.kill();
    const std::vector<Answer> bad = burst(dsr.client(), there, 20, 8);
    EXPECT_EQ(std::ranges::count(bad, false, &Answer::ok), 20);
    server.start();
    EXPECT_TRUE(burst(dsr.client(), there, 1, 1).at(0).ok);
}

TEST_F(LoadTest, ASteadyLoadGoesOnWhileNobodyAnswers) {
    Dsr dsr({.backends = 1, .ipv6 = false});
    WebServer server(dsr.backend(0), "backend-1", WEIR_BINARY);
    SteadyLoad load(dsr.client(), endpoint("10.1.10.10:80"), 100, 300ms);
    pause_for(300ms);
    dsr.cable(0, false);
    const auto cut = std::chrono::steady_clock::now();
    pause_for(500ms);
    const std::vector<Answer> answers = load.stop();
    const auto until = std::ranges::find_if(answers, [&](const Answer& each) { return each.started > cut; });
    EXPECT_GT(until - answers.begin(), 10);
    EXPECT_GT(answers.end() - until, 20) << "the rate does not depend on answers";
    EXPECT_TRUE(std::all_of(until, answers.end(), [](const Answer& each) {
        return !each.ok && each.ended - each.started < 2s;
    })) << "and each gives up in time";
}

}  // namespace
}  // namespace weir::lab
