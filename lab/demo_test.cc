// `weir demo` as a newcomer runs it. Needs root.
#include "lab/demo.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "lab/bird.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/tcp.h"

namespace weir::lab {
namespace {

class DemoTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
    }

    /// Stands for the machine of the one who runs the demo; its loopback is not this machine's.
    Host& outside() { return lab_.host("outside"); }

    static bool left_behind(pid_t pid, const std::string& lab = "demo") {
        for (const auto& entry : std::filesystem::directory_iterator("/run/netns"))
            if (entry.path().filename().string().starts_with(fmt::format("weir.{}.{}.", lab, pid)))
                return true;
        return false;
    }

    Lab lab_{"demotest"};
};

/// The address of the API as the demo printed it; empty before.
std::string printed_api(const Process& demo) {
    const std::string out = demo.out();
    const size_t start = out.find("http://");
    const size_t end = out.find("/api/v1/status");
    if (start == std::string::npos || end == std::string::npos) return {};
    return out.substr(start + 7, end - start - 7);
}

TEST_F(DemoTest, EndsWellAndLeavesNothing) {
    Process demo(outside(), {WEIR_BINARY, "demo", "--requests", "500"});
    EXPECT_EQ(demo.wait(120s), 0) << demo.out() << demo.err();
    EXPECT_NE(demo.out().find("All as it should be."), std::string::npos) << demo.out();
    EXPECT_FALSE(left_behind(demo.pid()));
}

TEST_F(DemoTest, KillsABalancerAndNoConnectionBreaks) {
    if (const std::string why = Bird::why_not(); !why.empty()) GTEST_SKIP() << why;
    Process demo(outside(), {WEIR_BINARY, "demo", "--ecmp"});
    EXPECT_EQ(demo.wait(120s), 0) << demo.out() << demo.err();
    EXPECT_NE(demo.out().find("All as it should be."), std::string::npos) << demo.out();
    EXPECT_FALSE(left_behind(demo.pid(), "demo-ecmp"));
}

TEST_F(DemoTest, CtrlCInTheMiddleRemovesEverything) {
    Process demo(outside(), {WEIR_BINARY, "demo"});
    ASSERT_TRUE(wait_until([&] { return demo.out().find("is killed, under") != std::string::npos; }, 60s))
        << demo.err();
    EXPECT_TRUE(left_behind(demo.pid())) << "it is at work";
    demo.kill(SIGINT);
    EXPECT_EQ(demo.wait(30s), 1);
    EXPECT_FALSE(left_behind(demo.pid()));
}

TEST_F(DemoTest, KeepsRunningWithTheApiOnALoopbackPortThatIsFree) {
    const UniqueFd taken = listen_tcp(outside(), endpoint("127.0.0.1:9070"));
    Process demo(outside(), {WEIR_BINARY, "demo", "--keep", "--requests", "100"});
    ASSERT_TRUE(wait_until([&] { return !printed_api(demo).empty(); }, 120s)) << demo.out() << demo.err();
    EXPECT_NE(printed_api(demo), "127.0.0.1:9070");
    const Result<std::string> metrics = http_get(outside(), endpoint(printed_api(demo)), "/metrics");
    ASSERT_TRUE(metrics) << metrics.error().message;
    EXPECT_NE(metrics->find("weir_"), std::string::npos);
    demo.kill(SIGINT);
    EXPECT_EQ(demo.wait(30s), 0);
    EXPECT_FALSE(left_behind(demo.pid()));
}

}  // namespace
}  // namespace weir::lab
