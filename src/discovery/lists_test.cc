#include "discovery/lists.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::IsEmpty;

/// Of a text that comes in pieces of this size.
std::vector<std::string> lists_in(std::string_view text, size_t piece = 1, size_t most = 100) {
    std::vector<std::string> all;
    Lists lists(most);
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
        if (!lists.take(text.substr(0, piece), [&](std::string_view list) { all.emplace_back(list); }))
            all.emplace_back("too long");
    return all;
}

TEST(Lists, EndWithABlankLineHoweverTheTextComes) {
    for (size_t piece : {1, 2, 3, 5, 100}) {
        EXPECT_THAT(lists_in("a\nb\n\nc\n \t\r\nd\n", piece), ElementsAre("a\nb\n\n", "c\n \t\r\n")) << piece;
        EXPECT_THAT(lists_in("a\n", piece), IsEmpty()) << piece;
        EXPECT_THAT(lists_in("a\n  ", piece), IsEmpty()) << piece;
    }
}

TEST(Lists, MayBeEmpty) {
    EXPECT_THAT(lists_in("\na\n\n\n"), ElementsAre("\n", "a\n\n", "\n"));
}

TEST(Lists, AreNoLongerThanAllowed) {
    EXPECT_THAT(lists_in("1234567\n\n", 100, 9), ElementsAre("1234567\n\n"));
    EXPECT_THAT(lists_in("12345678\n\n", 100, 9), ElementsAre("too long"));
    EXPECT_THAT(lists_in("1234567\n\n1234567\n\n", 4, 9), ElementsAre("1234567\n\n", "1234567\n\n"));
}

}  // namespace
}  // namespace weir::discovery
