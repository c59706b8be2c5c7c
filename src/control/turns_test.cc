#include "control/turns.h"

#include <gmock/gmock.h>

namespace weir::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Turns, GiveEachTheirsOnce) {
    Turns turns;
    for (auto name : {"a", "b", "c", "b"}) turns.add(name);
    EXPECT_THAT(turns.take(2), ElementsAre("a", "b"));
    EXPECT_FALSE(turns.empty());
    EXPECT_THAT(turns.take(2), ElementsAre("c"));
    EXPECT_TRUE(turns.empty());
    EXPECT_THAT(turns.take(2), IsEmpty());
}

TEST(Turns, GoOnBehindWhoWasTakenLastHoweverOftenOthersCome) {
    Turns turns;
    for (auto name : {"a", "b", "c"}) turns.add(name);
    EXPECT_THAT(turns.take(1), ElementsAre("a"));
    turns.add("a");
    EXPECT_THAT(turns.take(1), ElementsAre("b"));
    turns.add("b");
    EXPECT_THAT(turns.take(2), ElementsAre("a", "c")) << "the end is followed by the beginning";
    EXPECT_THAT(turns.take(9), ElementsAre("b"));
}

}  // namespace
}  // namespace weir::control
