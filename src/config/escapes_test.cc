#include "config/escapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::config {
namespace {

using testing::HasSubstr;

TEST(Escapes, StandForTheirBytes) {
    EXPECT_EQ(read_escapes("PING\\r\\n"), "PING\r\n");
    EXPECT_EQ(read_escapes("\\x00\\xfF\\t\\\\x41"), std::string("\0\xff\t\\x41", 7));
    EXPECT_EQ(read_escapes("plain, with \"quotes\" and ümlaut"), "plain, with \"quotes\" and ümlaut");
}

TEST(Escapes, ThatAreNoneAreNamed) {
    for (auto text : {"\\", "a\\q", "\\x", "\\x4", "\\xg0", "\\x-1", "\\x 1"}) {
        auto read = read_escapes(text);
        ASSERT_FALSE(read) << text;
        EXPECT_THAT(read.error().message, HasSubstr("is not an escape; write \\r, \\n")) << text;
    }
    EXPECT_THAT(read_escapes("\\xg0").error().message, HasSubstr("'\\xg0'"));
}

TEST(Escapes, MakeSomeTextButNotAnyAmount) {
    EXPECT_FALSE(read_escapes(""));
    EXPECT_TRUE(read_escapes(std::string(kMostEscapedText, 'a')));
    EXPECT_FALSE(read_escapes(std::string(kMostEscapedText + 1, 'a')));
}

}  // namespace
}  // namespace weir::config
