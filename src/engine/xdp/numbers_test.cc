#include "engine/xdp/numbers.h"

#include <gtest/gtest.h>

#include "engine/xdp/target_row.h"

namespace weir::engine::xdp {
namespace {

model::TargetKey target(int n) {
    return {{*net::Ip::parse("192.0.2.1"), net::Port(80), model::Protocol::tcp},
            net::Ip::v4({10, 0, 0, static_cast<uint8_t>(n)})};
}

bool by_none(uint32_t) {
    return false;
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

TEST(Numbers, AreToldInTheOrderOfAFrontendsTargets) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1), target(2), target(3)}, 16));
    model::Frontend frontend;
    frontend.key = target(1).frontend;
    for (int n : {3, 9, 1}) frontend.targets.push_back({{target(n).backend}});
    EXPECT_EQ(numbers.of(frontend),
              (std::vector<uint32_t>{numbers.find(target(3)), 0, numbers.find(target(1))}));
}

TEST(Numbers, CountTheirChanges) {
    Numbers numbers;
    auto before = numbers.changes();
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    EXPECT_NE(numbers.changes(), before);
    ASSERT_TRUE(numbers.assign({}, 16));
    before = numbers.changes();
    numbers.release(by_none);
    EXPECT_EQ(numbers.changes(), before) << "its row still names the target";
    numbers.release(by_none);
    EXPECT_NE(numbers.changes(), before);
}

TEST(Numbers, AreNotGivenAgainWhileFlowsNameThem) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    auto first = numbers.find(target(1));
    ASSERT_TRUE(numbers.assign({}, 16));
    auto by_some = [&](uint32_t number) { return number == first; };
    EXPECT_TRUE(numbers.release(by_some).empty());
    EXPECT_TRUE(numbers.release(by_some).empty());
    ASSERT_TRUE(numbers.assign({target(2)}, 16));
    EXPECT_NE(numbers.find(target(2)), first);
    EXPECT_EQ(numbers.release(by_none), std::vector{first});
}

TEST(Numbers, AreFreedByTheSecondPassAtTheEarliest) {
    Numbers numbers;
    ASSERT_TRUE(numbers.assign({target(1)}, 16));
    ASSERT_TRUE(numbers.assign({}, 16));
    EXPECT_TRUE(numbers.release(by_none).empty());
    EXPECT_EQ(numbers.release(by_none).size(), 1u);
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
    std::vector<weir_name> rows(8);
    auto range = target(3);
    range.frontend = {*net::Ip::parse("2001:db8::"), net::Port(8000), model::Protocol::udp, 99, 64};
    rows[3] = make_name(target(1), false);
    rows[5] = make_name(target(2), true);
    rows[6] = make_name(range, false);
    auto numbers = Numbers::recover(rows);
    EXPECT_EQ(numbers.find(target(1)), 3u);
    EXPECT_EQ(numbers.retired().at(5), target(2));
    EXPECT_EQ(numbers.find(range), 6u);
}

}  // namespace
}  // namespace weir::engine::xdp
