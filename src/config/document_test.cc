#include "config/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::config {
namespace {

/// `LINE:COL: message` of the first mistake, or "" where there is none.
std::string mistake_in(std::string_view text) {
    auto read = read_document(text);
    if (read) return "";
    return fmt::format("{}:{}: {}", read.error()[0].line, read.error()[0].column, read.error()[0].message);
}

std::string repeat(std::string_view text, size_t times) {
    std::string out;
    for (size_t i = 0; i < times; i++) out += text;
    return out;
}

TEST(Document, KnowsThePlaceOfKeysValuesAndItems) {
    auto root = *read_document("a: 1\nb:\n  - x\n  -\n  - {c: }\n");
    ASSERT_EQ(root->entries.size(), 2u);
    EXPECT_EQ(root->entries[0].key->place, (Place{1, 1}));
    EXPECT_EQ(root->entries[0].value->place, (Place{1, 4}));
    const auto& items = root->entries[1].value->items;
    ASSERT_EQ(items.size(), 3u);
    EXPECT_EQ(items[0]->place, (Place{3, 5}));
    EXPECT_EQ(items[1]->place, (Place{4, 3}));  // nothing there: at the dash
    EXPECT_EQ(items[2]->entries[0].value->kind, Node::Kind::empty);
    EXPECT_EQ(items[2]->entries[0].value->place, (Place{5, 6}));  // nothing there: at the key
}

TEST(Document, KeepsDuplicateKeysInTheirOrder) {
    auto root = *read_document("a: 1\na: 2\n");
    ASSERT_EQ(root->entries.size(), 2u);
    EXPECT_EQ(root->entries[1].value->text, "2");
}

TEST(Document, SharesWhatAnAliasNames) {
    auto root = *read_document("a: &x [1, 2]\nb: *x\n");
    EXPECT_EQ(root->entries[0].value, root->entries[1].value);
    EXPECT_EQ(root->size, 9u);
}

TEST(Document, IsEmptyWhenNothingIsWritten) {
    for (auto text : {"", "\n\n", "# a comment\n", "---\n", "\xef\xbb\xbf"})
        EXPECT_EQ((*read_document(text))->kind, Node::Kind::empty) << text;
}

TEST(Document, SaysWhereItIsNotYaml) {
    EXPECT_EQ(mistake_in("a: [1, 2\nb: 3\n"),
              "2:2: this is not YAML: end of sequence flow not found; look for a wrong indentation, bracket "
              "or quote here "
              "or before");
    EXPECT_THAT(mistake_in("a: 1\n b: 2\n"),
                testing::StartsWith("2:3: this is not YAML: illegal map value;"));
    for (auto text : {"a: \"open", "a: \"open\n", "a: \"open\n  \n"})
        EXPECT_THAT(mistake_in(text), testing::StartsWith("1:9: this is not YAML: illegal EOF in scalar;"));
    EXPECT_THAT(mistake_in("a: *b\n"), testing::StartsWith("1:4: this is not YAML: "));
}

TEST(Document, TakesUtf8AndNothingElse) {
    EXPECT_EQ(mistake_in("# Zürich, €, 𝄞\na: 1\n"), "");
    EXPECT_EQ(mistake_in("a: b\nc: \x04 d\n"), "2:4: the control character 0x04 stands here; write text");
    EXPECT_EQ(mistake_in("a: \xff\n"), "1:4: the byte 0xff is not UTF-8; save the file as UTF-8");
    for (auto bad :
         {"\xfe\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
        EXPECT_THAT(mistake_in(bad), testing::HasSubstr("is not UTF-8")) << bad;
    EXPECT_THAT(mistake_in(std::string_view("a\0b", 3)),
                testing::StartsWith("1:2: the control character 0x00"));
}

TEST(Document, IsOneDocumentWithoutTags) {
    EXPECT_EQ(mistake_in("a: 1\n---\nb: 2\n"),
              "2:1: a second document begins here; write one document in a file");
    EXPECT_EQ(mistake_in("a: !!str 1\n"),
              "1:4: a tag stands here; no setting takes one, write the value alone");
}

TEST(Document, BoundsDepthSoThatNoFileOverflowsTheStack) {
    EXPECT_EQ(mistake_in(repeat("[", 64) + repeat("]", 64)), "");
    for (auto unit : {"[", "{a: ", "- ", "? ", "[{a: "})
        EXPECT_THAT(mistake_in(repeat(unit, 100000) + "x"),
                    testing::HasSubstr("nested deeper than 64 levels"))
            << unit;
}

TEST(Document, BoundsWhatAliasesWriteOut) {
    std::string bomb = "- &a0 [x, x]\n";
    for (int i = 1; i < 40; i++) bomb += fmt::format("- &a{} [*a{}, *a{}]\n", i, i - 1, i - 1);
    EXPECT_THAT(mistake_in(bomb),
                testing::HasSubstr("the file has more than 4194304 values, aliases written out"));
    EXPECT_THAT(mistake_in("a: &x [*x]\n"), testing::StartsWith("1:8: this alias stands inside the value"));
}

TEST(Document, BoundsTheSizeOfAFile) {
    EXPECT_EQ(mistake_in(std::string(kMaxFileSize, '\n')), "");
    EXPECT_EQ(mistake_in(std::string(kMaxFileSize + 1, '\n')),
              "0:0: the file is larger than 8 MiB; write less");
}

}  // namespace
}  // namespace weir::config
