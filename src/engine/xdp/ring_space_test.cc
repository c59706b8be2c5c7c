#include "engine/xdp/ring_space.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace weir::engine::xdp {
namespace {

TEST(RingSpace, GivesEachLineOnceAndJoinsWhatComesBack) {
    RingSpace space(10);
    auto a = space.allocate(4);
    auto b = space.allocate(6);
    ASSERT_TRUE(a && b);
    EXPECT_FALSE(space.allocate(1));
    space.release(*a);
    space.release(*b);
    EXPECT_EQ(space.allocate(10), (Lines{0, 10}));
}

TEST(RingSpace, ReservesWhatAFormerDaemonUses) {
    RingSpace space(10);
    EXPECT_TRUE(space.reserve({3, 4}));
    EXPECT_FALSE(space.reserve({6, 2}));
    EXPECT_FALSE(space.reserve({8, 3}));
    EXPECT_FALSE(space.allocate(4));
    EXPECT_EQ(space.allocate(3), (Lines{0, 3}));
}

TEST(RingSpace, NeverOverlapsWhateverTheOrder) {
    std::mt19937 random(1);
    RingSpace space(1000);
    std::vector<Lines> held;
    std::vector<int> owners(1000);
    for (int round = 0; round < 20000; round++) {
        if (random() % 2) {
            auto lines = space.allocate(1 + random() % 60);
            if (!lines) continue;
            for (uint32_t i = 0; i < lines->count; i++) ASSERT_EQ(owners.at(lines->first + i)++, 0);
            held.push_back(*lines);
        } else if (!held.empty()) {
            std::swap(held[random() % held.size()], held.back());
            for (uint32_t i = 0; i < held.back().count; i++) owners[held.back().first + i]--;
            space.release(held.back());
            held.pop_back();
        }
    }
    for (auto lines : held) space.release(lines);
    EXPECT_EQ(space.allocate(1000), (Lines{0, 1000}));
}

}  // namespace
}  // namespace weir::engine::xdp
