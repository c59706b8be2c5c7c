#include "cli/source_options.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/temp_dir_fixture.h"

namespace weir::cli {
namespace {

using testing::ElementsAre, testing::HasSubstr;
using namespace std::chrono_literals;

constexpr Choice kTruth[] = {{"false", 0}, {"true", 1}};
constexpr Setting kSettings[] = {
    required({"name", Takes::text, "a name"}),
    {"servers", Takes::list, "of words"},
    {"max_depth", Takes::number, "", 1, 9, {}, "3"},
    {"interval", Takes::milliseconds, "", 100, 60'000, {}, "5s"},
    {.name = "stream", .takes = Takes::choice, .choices = kTruth, .fallback = "false"},
    {"list", Takes::text, "the absolute path of a file"},
    {"token_file", Takes::secret},
    {"tls", Takes::tls},
};
const Section kSection{"sample", kSettings};
constexpr Setting kTwo[] = {required({"a", Takes::text, "a"}), required({"b", Takes::list, "of b"})};
const Section kTwoSection{"two", kTwo};
constexpr Setting kList[] = {required({"words", Takes::list, "of words"}), {"user", Takes::text, "a name"}};
const Section kListSection{"several", kList};

const model::SourceKind kKinds[] = {
    {&kSection,
     [](const model::SourceSpec& spec) {
         return spec.text("name") == "wrong" ? Status(fail("'wrong' is wrong")) : Status();
     }},
    {&kTwoSection, [](const model::SourceSpec&) { return Status(); }},
    {&kListSection, [](const model::SourceSpec&) { return Status(); }},
};

Result<model::SourceSpec> read(std::vector<std::string> words, const Section& section = kSection) {
    CLI::App app;
    Options options(app);
    SourceOptions source(section, options);
    std::ranges::reverse(words);
    app.parse(std::move(words));
    return source.spec(kKinds);
}

std::string mistake(std::vector<std::string> words) {
    auto spec = read(std::move(words));
    EXPECT_FALSE(spec);
    return spec ? "" : spec.error().message;
}

TEST(SourceOptions, AreTheSettingsOfTheKind) {
    TempDir files;
    auto token = files.write("token", "secret\n");
    auto spec = read({"--name", "it's \"x\": # [\\]", "--servers", "a, b", "--servers", "c", "--max-depth",
                      "4", "--interval", "2s", "--stream", "true", "--token-file", token, "--tls-sni",
                      "example.org", "--tls-verify", "false"});
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_EQ(spec->kind, "sample");
    EXPECT_EQ(spec->text("name"), "it's \"x\": # [\\]");
    EXPECT_THAT(spec->list("servers"), ElementsAre("a, b", "c"));
    EXPECT_EQ(spec->number("max_depth", 0), 4);
    EXPECT_EQ(spec->duration("interval", 0ms), 2s);
    EXPECT_EQ(spec->number("stream", 0), 1);
    EXPECT_EQ(spec->find<model::FileText>("token_file")->view(), "secret");
    EXPECT_EQ(spec->find<model::Tls>("tls")->sni, "example.org");
    EXPECT_FALSE(spec->find<model::Tls>("tls")->verify);
}

TEST(SourceOptions, HaveTheOneThatIsNeededWithoutItsName) {
    EXPECT_EQ(read({"web"}).value().text("name"), "web");
    EXPECT_EQ(read({"--max-depth", "1", "web"}).value().text("name"), "web");
    EXPECT_THROW(read({"x", "y"}, kTwoSection), CLI::ParseError);
    EXPECT_THAT(read({"--", "x", "--y", "z"}, kListSection).value().list("words"),
                ElementsAre("x", "--y", "z"));
    auto two = read({"--a", "x", "--b", "y"}, kTwoSection);
    ASSERT_TRUE(two);
    EXPECT_THAT(two->list("b"), ElementsAre("y"));
}

TEST(SourceOptions, TakeFilesFromHere) {
    EXPECT_EQ(read({"web", "--list", "a/../b"}).value().text("list"), std::filesystem::current_path() / "b");
    EXPECT_EQ(read({"web", "--list", "/b"}).value().text("list"), "/b");
}

TEST(SourceOptions, SayWhichOfThemIsWrong) {
    EXPECT_THAT(mistake({"web", "--max-depth", "99"}), HasSubstr("sample --max-depth: "));
    EXPECT_THAT(mistake({"web", "--servers", "a", "--interval", "1ms"}), HasSubstr("sample --interval: "));
    EXPECT_THAT(mistake({"web", "--tls-verify", "perhaps"}), HasSubstr("sample --tls-verify: "));
    EXPECT_THAT(mistake({"wrong"}), "sample: 'wrong' is wrong");
    EXPECT_THAT(mistake({"--servers", "a"}), testing::StartsWith("sample: the sample source has no 'name'"));
    EXPECT_THAT(mistake({}), HasSubstr("'name'"));
    EXPECT_THAT(mistake({"web", "--token-file", "/nonexistent"}), HasSubstr("sample --token-file: "));
}

}  // namespace
}  // namespace weir::cli
