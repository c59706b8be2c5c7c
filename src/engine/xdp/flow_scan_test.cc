#include "engine/xdp/flow_scan.h"

#include <gtest/gtest.h>

namespace weir::engine::xdp {
namespace {

constexpr uint64_t entry(uint64_t tag, uint64_t number, uint64_t state, uint64_t age) {
    return tag << 1 << WEIR_TAG_SHIFT | number << WEIR_ID_SHIFT | state << WEIR_STATE_SHIFT | age;
}

constexpr Timeouts kTimeouts{8, 200, 8, 60};

TEST(FlowScan, CountsEachTargetsEntriesByState) {
    std::vector<weir_bucket> table(4);
    table[0].entry[3] = entry(7, 1, WEIR_ESTABLISHED, 100);
    table[1].entry[3] = entry(6, 1, WEIR_ESTABLISHED, 100);
    table[2].entry[0] = entry(8, 1, WEIR_DATAGRAM, 100);
    table[3].entry[7] = entry(9, 5, WEIR_NEW, 100);
    table[3].entry[5] = entry(9, 5, WEIR_CLOSING, 100);
    table[3].entry[6] = entry(9, 5, WEIR_ESTABLISHED, 100) | WEIR_OF_A_SOURCE;
    table[3].entry[0] = entry(10, 6, WEIR_NEW, 100);  // a number that nobody has
    FlowScan scan(table, 6);
    EXPECT_FALSE(scan.step(3, 100, kTimeouts));
    EXPECT_TRUE(scan.step(3, 100, kTimeouts));
    EXPECT_EQ(scan.by_number(),
              (std::vector<EntryCount>{{}, {{0, 2, 0, 1}, 0}, {}, {}, {}, {{1, 0, 1, 0}, 1}}));
    EXPECT_EQ(scan.all(), (EntryCount{{1, 2, 1, 1}, 1}));
    EXPECT_EQ(scan.all().entries(), 6u);
}

TEST(FlowScan, ClearsWhatHasExpiredByItsOwnState) {
    std::vector<weir_bucket> table(1);
    auto young = entry(1, 1, WEIR_ESTABLISHED, 1000);  // the age has wrapped since: 60 ticks
    table[0].entry[0] = young;
    table[0].entry[1] = entry(2, 1, WEIR_CLOSING, 1000);
    table[0].entry[2] = entry(3, 1, WEIR_ESTABLISHED, 700);
    FlowScan scan(table, 2);
    ASSERT_TRUE(scan.step(1, 36, kTimeouts));
    EXPECT_EQ(table[0].entry[0], young);
    EXPECT_EQ(table[0].entry[1], 0u);
    EXPECT_EQ(table[0].entry[2], 0u);
}

TEST(FlowScan, KeepsWhatWasWrittenSinceTheClockWasRead) {
    std::vector<weir_bucket> table(1);
    auto newer = entry(1, 1, WEIR_NEW, 37);
    table[0].entry[0] = newer;
    FlowScan scan(table, 2);
    ASSERT_TRUE(scan.step(1, 36, kTimeouts));
    EXPECT_EQ(table[0].entry[0], newer);
    EXPECT_EQ(scan.all().entries(), 1u);
}

TEST(FlowScan, StartsEachPassFromNothing) {
    std::vector<weir_bucket> table(1);
    table[0].entry[0] = entry(1, 1, WEIR_ESTABLISHED, 0);
    FlowScan scan(table, 2);
    scan.step(1, 0, kTimeouts);
    scan.step(1, 0, kTimeouts);
    EXPECT_EQ(scan.all().entries(), 1u);
    table[0].entry[0] = 0;
    scan.step(1, 0, kTimeouts);
    EXPECT_EQ(scan.all().entries(), 0u);
}

}  // namespace
}  // namespace weir::engine::xdp
