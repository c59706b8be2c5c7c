#include "control/rest.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

using namespace std::chrono_literals;

constexpr Rest::Time kStart{1000s};

TEST(Rest, IsNoneBeforeTheFirstPass) {
    EXPECT_EQ(Rest().left(kStart), 0s);
}

TEST(Rest, IsAsLongAsThePass) {
    Rest rest;
    rest.after(kStart, kStart + 30ms);
    EXPECT_EQ(rest.left(kStart + 30ms), 30ms);
    EXPECT_EQ(rest.left(kStart + 50ms), 10ms);
}

TEST(Rest, IsOverAfterAQuietTime) {
    Rest rest;
    rest.after(kStart, kStart + 30ms);
    EXPECT_EQ(rest.left(kStart + 60ms), 0s);
    EXPECT_EQ(rest.left(kStart + 1h), 0s);
}

}  // namespace
}  // namespace weir::control
