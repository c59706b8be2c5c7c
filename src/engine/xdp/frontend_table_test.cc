#include "engine/xdp/frontend_table.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::engine::xdp {
namespace {

std::vector<weir_frontend> random_rows(uint32_t count, uint32_t seed) {
    std::mt19937_64 random(seed);
    std::vector<weir_frontend> rows(count);
    for (uint32_t i = 0; i < count; i++) {
        rows[i].number = i + 1;
        rows[i].key.vip.half[0] = random();
        rows[i].key.port = static_cast<uint16_t>(random());
        rows[i].key.family = WEIR_V6;
    }
    return rows;
}

bool same(const weir_key& a, const weir_key& b) {
    return a.vip.half[0] == b.vip.half[0] && a.port == b.port && a.family == b.family;
}

TEST(FrontendTable, HasEveryRowAtOneOfItsTwoPlaces) {
    for (uint32_t count : {0u, 1u, 16u, 300u, 4096u}) {
        auto rows = random_rows(count, count);
        auto slots = frontend_slots_for(count);
        auto table = lay_frontends(rows, slots, 99);
        ASSERT_TRUE(table) << count;
        for (const auto& row : rows) {
            auto hash = weir_places(&row.key, table->salt);
            const auto& first = table->slots[hash & (slots - 1)];
            const auto& second = table->slots[hash >> 32 & (slots - 1)];
            EXPECT_TRUE((same(first.key, row.key) && first.number == row.number) ||
                        (same(second.key, row.key) && second.number == row.number));
        }
    }
}

TEST(FrontendTable, GivesUpWhenItIsTooFull) {
    EXPECT_FALSE(lay_frontends(random_rows(40, 1), 64, 0));
}

}  // namespace
}  // namespace weir::engine::xdp
