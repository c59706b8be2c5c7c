#include "sync/window.h"

#include <gtest/gtest.h>

namespace weir::sync {
namespace {

TEST(SyncWindow, TakesEachNumberOnce) {
    Window window;
    EXPECT_FALSE(window.take(0));
    for (uint64_t number = 1; number < 3000; ++number) {
        EXPECT_TRUE(window.take(number));
        EXPECT_FALSE(window.take(number));
    }
    EXPECT_EQ(window.lost(), 0u);
}

TEST(SyncWindow, TakesWhatComesLateUntilItIsTooOld) {
    Window window;
    EXPECT_TRUE(window.take(2000));
    EXPECT_EQ(window.lost(), 1999u);
    EXPECT_TRUE(window.take(2000 - Window::kSize + 1));
    EXPECT_FALSE(window.take(2000 - Window::kSize));
    EXPECT_TRUE(window.take(1999));
    EXPECT_FALSE(window.take(1999));
    EXPECT_EQ(window.lost(), 1997u);
}

TEST(SyncWindow, KnowsGapsAgainAfterItHasGoneRound) {
    Window window;
    for (uint64_t number = 1; number <= Window::kSize; ++number) EXPECT_TRUE(window.take(number));
    EXPECT_TRUE(window.take(Window::kSize + 10));
    EXPECT_EQ(window.lost(), 9u);
    for (uint64_t number = Window::kSize + 1; number < Window::kSize + 10; ++number)
        EXPECT_TRUE(window.take(number));
    EXPECT_EQ(window.lost(), 0u);
    EXPECT_FALSE(window.take(Window::kSize));
}

TEST(SyncWindow, BeginsBehindWhatWasThereBefore) {
    Window window(500);
    EXPECT_FALSE(window.take(500));
    EXPECT_FALSE(window.take(1));
    EXPECT_TRUE(window.take(501));
    EXPECT_EQ(window.lost(), 0u);
}

TEST(SyncWindow, SurvivesTheHighestNumberThereIs) {
    Window window;
    EXPECT_TRUE(window.take(UINT64_MAX));
    EXPECT_FALSE(window.take(UINT64_MAX));
    EXPECT_TRUE(window.take(UINT64_MAX - 1));
    EXPECT_FALSE(window.take(0));
}

}  // namespace
}  // namespace weir::sync
