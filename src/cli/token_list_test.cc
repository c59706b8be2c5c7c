#include "cli/token_list.h"

#include <gmock/gmock.h>

namespace weir::cli {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

Token token(const char* endpoint, uint32_t weight = 1) {
    return {net::Endpoint::parse(endpoint).value(), weight};
}

class Reading {
  public:
    explicit Reading(std::string_view text, size_t at_a_time = 10000) {
        for (; !text.empty(); text.remove_prefix(std::min(at_a_time, text.size())))
            reader_.read(text.substr(0, at_a_time));
        before_end = lists.size();
        reader_.end();
    }
    std::vector<TokenList> lists;
    size_t before_end = 0;  // lists that were there already
    std::vector<std::string> complaints;

  private:
    ListReader reader_{[this](TokenList list) { lists.push_back(std::move(list)); },
                       [this](size_t line, const Error& why) {
                           complaints.push_back(fmt::format("{}: {}", line, why.message));
                       }};
};

TEST(TokenLists, EndWithABlankLineOrTheText) {
    for (size_t at_a_time : {1, 2, 5, 1000}) {
        Reading read("127.0.0.1:8000\n127.0.0.1:8001\n\n[2001:db8::1]:80 weight=3\n", at_a_time);
        EXPECT_THAT(read.lists, ElementsAre(ElementsAre(token("127.0.0.1:8000"), token("127.0.0.1:8001")),
                                            ElementsAre(token("[2001:db8::1]:80", 3))));
        EXPECT_EQ(read.before_end, 1u);
        EXPECT_THAT(read.complaints, IsEmpty());
    }
}

TEST(TokenLists, MayLackTheLastNewline) {
    EXPECT_THAT(Reading("127.0.0.1:1").lists, ElementsAre(ElementsAre(token("127.0.0.1:1"))));
}

TEST(TokenLists, MayBeEmpty) {
    EXPECT_THAT(Reading("\n").lists, ElementsAre(IsEmpty()));
    EXPECT_THAT(Reading("127.0.0.1:1\n\n\n").lists, ElementsAre(testing::SizeIs(1), IsEmpty()));
    EXPECT_THAT(Reading("127.0.0.1:1\n \t\r\n").lists, testing::SizeIs(1)) << "that is a blank line";
    EXPECT_THAT(Reading("").lists, IsEmpty()) << "nobody has said that there is nothing";
}

TEST(TokenLists, HaveComments) {
    Reading read("# none\n127.0.0.1:1 # one\n#\n127.0.0.1:2\tblue weight=2\n");
    EXPECT_THAT(read.lists, ElementsAre(ElementsAre(token("127.0.0.1:1"), token("127.0.0.1:2", 2))));
}

TEST(TokenLists, HaveEachEndpointOnce) {
    EXPECT_THAT(Reading("127.0.0.1:1\n127.0.0.1:2\n127.0.0.1:1 weight=5\n").lists,
                ElementsAre(ElementsAre(token("127.0.0.1:1", 5), token("127.0.0.1:2"))));
}

TEST(TokenLists, AreTakenWithoutTheirBadLines) {
    Reading read("web:80\n127.0.0.1\n127.0.0.1:1\n0.0.0.0:1\n127.0.0.1:2 weight=-1\n\n" +
                 std::string(5000, 'x') + "\n\x01\xff\n");
    EXPECT_THAT(read.lists, ElementsAre(ElementsAre(token("127.0.0.1:1"))))
        << "the second list says nothing of what there is";
    EXPECT_THAT(read.complaints,
                ElementsAre("1: 'web:80' is no ADDRESS:PORT or [IPv6]:PORT",
                            "2: '127.0.0.1' is no ADDRESS:PORT or [IPv6]:PORT",
                            "4: nobody can be reached at 0.0.0.0:1", HasSubstr("5: '-1' is no weight"),
                            "7: a line of more than 1024 bytes", HasSubstr("8: '\?\?' is no")));
}

TEST(TokenLists, AreBounded) {
    std::string text;
    for (size_t i = 0; i < kMostTokens + 2; ++i)
        text += fmt::format("10.{}.{}.{}:1\n", i >> 16, i >> 8 & 255, i & 255);
    Reading read(text);
    ASSERT_EQ(read.lists.size(), 1u);
    EXPECT_EQ(read.lists[0].size(), kMostTokens);
    EXPECT_THAT(read.complaints, ElementsAre("65537: a list of more than 65536 tokens",
                                             "65538: a list of more than 65536 tokens"));
}

}  // namespace
}  // namespace weir::cli
