#include "config/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::config {
namespace {

TEST(EditDistance, CountsEditsAndSwapsOfNeighbours) {
    EXPECT_EQ(edit_distance("pool", "pool"), 0u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(edit_distance("pool", "pools"), 1u);
    EXPECT_EQ(edit_distance("prot", "port"), 1u);  // one swap
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("ca", "abc"), 3u);  // restricted: no letter is changed twice
}

TEST(Nearest, FindsWhatWasMeantAndNothingElse) {
    constexpr std::array<std::string_view, 3> kKnown{"interval", "timeout", "port"};
    EXPECT_EQ(nearest("intervall", kKnown), "interval");
    EXPECT_EQ(nearest("tmieout", kKnown), "timeout");
    EXPECT_EQ(nearest("prt", kKnown), "port");
    EXPECT_EQ(nearest("bgp", kKnown), std::nullopt);
    EXPECT_EQ(nearest("", kKnown), std::nullopt);
    EXPECT_EQ(nearest(std::string(100000, 'p'), kKnown), std::nullopt);
}

}  // namespace
}  // namespace weir::config
