#include "base/shared_list.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

namespace weir {
namespace {

using testing::ElementsAre;

TEST(SharedList, IsReadLikeAVector) {
    SharedList<std::string> list{"a", "bb"};
    list.push_back("ccc");
    EXPECT_THAT(list, ElementsAre("a", "bb", "ccc"));
    EXPECT_EQ(list[1], "bb");
    EXPECT_EQ(std::ranges::find(list, size_t{3}, &std::string::size) - list.begin(), 2);
    EXPECT_EQ(std::ranges::lower_bound(list, "b") - list.begin(), 1);
    static_assert(std::ranges::random_access_range<SharedList<std::string>>);
}

TEST(SharedList, SharesItsItemsWithItsCopies) {
    SharedList<std::string> list{"a", "b"};
    auto copy = list;
    EXPECT_EQ(&copy[0], &list[0]);
    EXPECT_EQ(copy, list);
}

TEST(SharedList, LeavesCopiesAsTheyAreWhenAnItemIsEdited) {
    SharedList<std::string> list{"a", "b"};
    auto copy = list;
    copy.edit(1) += "!";
    EXPECT_THAT(list, ElementsAre("a", "b"));
    EXPECT_THAT(copy, ElementsAre("a", "b!"));
    EXPECT_EQ(copy.item(0), list.item(0));
    EXPECT_NE(copy.item(1), list.item(1));
    EXPECT_NE(copy, list);
}

TEST(SharedList, ComparesByValueWhatIsNotTheSame) {
    SharedList<std::string> list{"a", "b"};
    auto copy = list;
    copy.edit(0) = "a";
    EXPECT_NE(copy.item(0), list.item(0));
    EXPECT_EQ(copy, list);
    EXPECT_NE(list, (SharedList<std::string>{"a"}));
}

}  // namespace
}  // namespace weir
