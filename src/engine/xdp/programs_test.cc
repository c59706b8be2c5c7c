#include "engine/xdp/programs.h"

#include <gtest/gtest.h>

namespace weir::engine::xdp {
namespace {

/// In whole mebibytes.
uint64_t memory(const Sizes& sizes, uint32_t cpus = 2) {
    auto bytes = Programs::memory({.sizes = sizes, .cpus = cpus});
    EXPECT_TRUE(bytes);
    return bytes.value_or(0) >> 20;
}

TEST(Memory, OfTheTablesIsThatOfEachOfThem) {
    const auto least = memory({});
    EXPECT_EQ(memory({.flow_buckets = 1024 + (1 << 19)}) - least, 32u) << "the default for a million flows";
    EXPECT_EQ(memory({.ring_lines = 2 * 16384}) - least, 1u);
    EXPECT_EQ(memory({.frontend_slots = 64 + (1 << 16)}) - least, 8u);
    EXPECT_EQ(memory({.quic_tables = 1 + 1024}) - least, 4u);
    const Sizes many{.target_slots = 1024 + (1 << 18)};
    EXPECT_EQ(memory(many) - least, 2 * (64 + 48) / 4 + 3 * 32 / 4);
    EXPECT_NEAR(memory(many, 66) - memory(many, 2), 64.0 * 32 / 4, 8) << "a row of counters a CPU";
    EXPECT_NEAR(memory({.nat_flows = 1 << 20}) - least, (2 + 0.5) * 190, 48)
        << "doc/datapath.md: a row takes 190 B";
}

}  // namespace
}  // namespace weir::engine::xdp
