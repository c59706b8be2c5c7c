#include "engine/xdp/carry_over.h"

#include <gtest/gtest.h>

namespace weir::engine::xdp {
namespace {

constexpr uint64_t entry(uint64_t tag, uint64_t state, uint64_t age = 100) {
    return tag << 1 << WEIR_TAG_SHIFT | 1 << WEIR_ID_SHIFT | state << WEIR_STATE_SHIFT | age;
}

using Table = std::vector<weir_bucket>;

TEST(CarryOver, PutsAFlowIntoEachBucketOfALargerTableThatMayBeIts) {
    Table from(2), to(4);
    from[1].entry[3] = entry(7, WEIR_ESTABLISHED);
    copy_flows(from, to);
    EXPECT_EQ(to[0].entry[0], 0u);
    EXPECT_EQ(to[1].entry[0], entry(7, WEIR_ESTABLISHED));
    EXPECT_EQ(to[2].entry[0], 0u);
    EXPECT_EQ(to[3].entry[0], entry(7, WEIR_ESTABLISHED));
}

TEST(CarryOver, LeavesWhatTheDatapathHasWrittenSince) {
    Table from(1), to(1);
    from[0].entry[0] = entry(7, WEIR_NEW);
    from[0].entry[1] = entry(8, WEIR_CLOSING, 100);
    to[0].entry[5] = entry(7, WEIR_ESTABLISHED, 101);
    to[0].entry[6] = entry(8, WEIR_CLOSING, 101);
    copy_flows(from, to);
    EXPECT_EQ(to[0].entry[0], 0u);
    EXPECT_EQ(to[0].entry[5], entry(7, WEIR_ESTABLISHED, 101));
    EXPECT_EQ(to[0].entry[6], entry(8, WEIR_CLOSING, 101));
}

TEST(CarryOver, BringsTheEndThatAFlowHasHadSinceTheFirstCopy) {
    Table from(1), to(1);
    from[0].entry[0] = entry(7, WEIR_ESTABLISHED);
    copy_flows(from, to);
    from[0].entry[0] = entry(7, WEIR_CLOSING, 101);
    copy_flows(from, to);
    EXPECT_EQ(to[0].entry[0], entry(7, WEIR_CLOSING, 101));
    EXPECT_EQ(to[0].entry[1], 0u);
}

}  // namespace
}  // namespace weir::engine::xdp
