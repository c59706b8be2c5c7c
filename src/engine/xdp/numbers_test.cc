#include "engine/xdp/numbers.h"

#include <gtest/gtest.h>

namespace weir::engine::xdp {
namespace {

model::TargetKey target(int n) {
    return {{*net::Ip::parse("192.0.2.1"), net::Port(80), model::Protocol::tcp},
            net::Ip::v4({10, 0, 0, static_cast<uint8_t>(n)})};
}

TEST(Numbers, KeepTheirTargetsWhateverElseChanges) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1), target(2)}, 16));
    auto second = numbers.find(target(2));
    ASSERT_TRUE(numbers.assign({target(2), target(3)}, 16));
    EXPECT_EQ(numbers.find(target(2)), second);
    EXPECT_NE(numbers.find(target(3)), 0u);
    EXPECT_EQ(numbers.find(target(1)), 0u);
}

TEST(Numbers, AreNotGivenAgainWhileFlowsNameThem) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    auto first = numbers.find(target(1));
    ASSERT_TRUE(numbers.assign({}, 16));
    std::vector<uint64_t> entries(16);
    entries[first] = 7;
    EXPECT_TRUE(numbers.release(entries).empty());
    EXPECT_TRUE(numbers.release(entries).empty());
    ASSERT_TRUE(numbers.assign({target(2)}, 16));
    EXPECT_NE(numbers.find(target(2)), first);
    entries[first] = 0;
    EXPECT_EQ(numbers.release(entries), std::vector{first});
}

TEST(Numbers, AreFreedByTheSecondPassAtTheEarliest) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    ASSERT_TRUE(numbers.assign({}, 16));
    std::vector<uint64_t> none(16);
    EXPECT_TRUE(numbers.release(none).empty());
    EXPECT_EQ(numbers.release(none).size(), 1u);
}

TEST(Numbers, GoBackToATargetThatReturns) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    auto first = numbers.find(target(1));
    ASSERT_TRUE(numbers.assign({}, 16));
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    EXPECT_EQ(numbers.find(target(1)), first);
    EXPECT_TRUE(numbers.retired().empty());
}

TEST(Numbers, RefuseMoreTargetsThanThereAreNumbers) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1), target(2), target(3)}, 4));
    EXPECT_FALSE(numbers.assign({target(1), target(2), target(3), target(4)}, 4));
    EXPECT_EQ(numbers.live().size(), 3u);
}

TEST(Numbers, AreRecoveredFromTheRowsOfTheKernel) {
    std::vector<weir_target> rows(8);
    rows[3].family = WEIR_V4;
    rows[3].key = to_abi(target(1).frontend);
    rows[3].backend = to_abi(target(1).backend);
    rows[5] = rows[3];
    rows[5].backend = to_abi(target(2).backend);
    rows[5].retired = 1;
    auto numbers = Numbers::recover(rows);
    EXPECT_EQ(numbers.find(target(1)), 3u);
    EXPECT_EQ(numbers.retired().at(5), target(2));
}

}  // namespace
}  // namespace weir::engine::xdp
