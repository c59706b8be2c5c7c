#include "health/tally.h"

#include <gtest/gtest.h>

#include <string_view>

namespace weir::health {
namespace {

model::Check check_of(unsigned history, unsigned rise, unsigned fall) {
    return {.history = history, .rise = rise, .fall = fall};
}

/// Feeds 'P' and 'F' and writes down what the tally says after each: 'U' or 'D'.
std::string states(Tally& tally, std::string_view outcomes, const model::Check& check) {
    std::string said;
    for (char outcome : outcomes) {
        bool before = tally.up();
        bool changed = tally.add(outcome == 'P', check);
        EXPECT_EQ(changed, tally.up() != before);
        said += tally.up() ? 'U' : 'D';
    }
    return said;
}

struct Row {
    const char* what;
    unsigned history, rise, fall;
    const char* outcomes;
    const char* expected;
};

void PrintTo(const Row& row, std::ostream* out) {
    *out << row.what;
}

class TallyTable : public testing::TestWithParam<Row> {};

TEST_P(TallyTable, FollowsItsRow) {
    const auto& row = GetParam();
    Tally tally;
    EXPECT_EQ(states(tally, row.outcomes, check_of(row.history, row.rise, row.fall)), row.expected)
        << row.what;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, TallyTable,
    testing::Values(
        Row{"the third pass brings it up", 5, 3, 2, "PPP", "DDU"},
        Row{"one failure between does not hold it back", 5, 3, 2, "PPFP", "DDDU"},
        Row{"nor do failures before the passes", 5, 3, 2, "FFFFFPPP", "DDDDDDDU"},
        Row{"every other one is not good enough, however long", 5, 3, 2, "PFPFPFPFPFPF", "DDDDDDDDDDDD"},
        Row{"passes too far apart do not add up", 3, 3, 3, "PPFPPFPPF", "DDDDDDDDD"},
        Row{"the second failure takes it down", 5, 3, 2, "PPPFF", "DDUUD"},
        Row{"also with passes between", 5, 3, 2, "PPPFPPPF", "DDUUUUUD"},
        Row{"failures too far apart do not add up", 5, 3, 2, "PPPFPPPPFPPPPF", "DDUUUUUUUUUUUU"},
        Row{"failures on the way up are not held against it", 5, 3, 2, "PPFPF", "DDDUU"},
        Row{"passes before the fall do not bring it back", 5, 3, 2, "PPPPPFFPPP", "DDUUUUDDDU"},
        Row{"a flood of passes is forgotten once down", 64, 3, 2, "PPPPPPPPPFFPFP", "DDUUUUUUUUDDDD"},
        Row{"one and one: the newest decides", 1, 1, 1, "PFPFFP", "UDUDDU"},
        Row{"one of many: a single pass is enough", 5, 1, 2, "FFPFF", "DDUUD"},
        Row{"a single failure is enough", 5, 3, 1, "PPPFPPFPPP", "DDUDDDDDDU"},
        Row{"all of the window", 3, 3, 3, "PPPFFPFFF", "DDUUUUUUD"},
        Row{"more than the window holds never comes, as configuration sees to", 2, 3, 2, "PPPPP", "DDDDD"}));

TEST(Tally, SaysHowFarTheChangeIs) {
    auto check = check_of(5, 3, 2);
    Tally tally;
    EXPECT_EQ(tally.progress(check), "");
    states(tally, "F", check);
    EXPECT_EQ(tally.progress(check), "");
    states(tally, "P", check);
    EXPECT_EQ(tally.progress(check), "1/3 UP");
    states(tally, "F", check);
    EXPECT_EQ(tally.progress(check), "1/3 UP");
    states(tally, "PP", check);
    EXPECT_TRUE(tally.up());
    EXPECT_EQ(tally.progress(check), "");
    states(tally, "F", check);
    EXPECT_EQ(tally.progress(check), "1/2 DOWN");
    states(tally, "F", check);
    EXPECT_EQ(tally.progress(check), "");
}

TEST(Tally, KeepsWhatItSawWhenThresholdsChange) {
    Tally tally;
    states(tally, "PP", check_of(5, 3, 2));
    EXPECT_EQ(tally.progress(check_of(5, 4, 2)), "2/4 UP");
    EXPECT_EQ(states(tally, "PP", check_of(5, 4, 2)), "DU");
    EXPECT_EQ(states(tally, "FF", check_of(5, 3, 3)), "UU");
}

TEST(Tally, IsNotTakenDownByAPassWhenThresholdsTighten) {
    Tally tally(true);
    states(tally, "FF", check_of(5, 3, 3));
    EXPECT_EQ(tally.progress(check_of(5, 3, 2)), "2/2 DOWN");
    EXPECT_EQ(states(tally, "PF", check_of(5, 3, 2)), "UD");
}

TEST(Tally, LooksNoFurtherBackThanAShorterHistory) {
    Tally tally(true);
    states(tally, "FPPP", check_of(5, 3, 2));
    EXPECT_EQ(tally.progress(check_of(2, 1, 1)), "");
    EXPECT_EQ(states(tally, "F", check_of(3, 2, 2)), "U");
}

}  // namespace
}  // namespace weir::health
