#include "base/backoff.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsLimitAndStartsAgain) {
    Backoff backoff(1s, 10s);
    for (auto expected : {1s, 2s, 4s, 8s, 10s, 10s}) EXPECT_EQ(backoff.next(), expected);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 1s);
}

}  // namespace
}  // namespace weir
