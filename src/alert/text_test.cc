#include "alert/text.h"

#include <gtest/gtest.h>

namespace weir::alert {
namespace {

TEST(Text, IsCutBetweenCharacters) {
    EXPECT_EQ(shorten("12345678", 8), "12345678");
    EXPECT_EQ(shorten("123456789", 8), "12345…");
    EXPECT_EQ(shorten("1234éxxxxxx", 9), "1234é…");
    EXPECT_EQ(shorten("1234éxxxxxx", 8), "1234…");
}

TEST(Text, OfOneLineHasNoControlCharacters) {
    EXPECT_EQ(one_line("a\nb\tc\x7f"
                       "é"),
              "a b c é");
}

}  // namespace
}  // namespace weir::alert
