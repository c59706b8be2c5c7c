#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "base/temp_dir_fixture.h"
#include "cli/cli.h"

namespace weir::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

struct Outcome {
    int status = 0;
    std::string out;
    std::string errors;
};

/// `weir import WORDS…`
Outcome import(std::vector<std::string> words) {
    words.insert(words.begin(), {"weir", "import"});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.status = main(static_cast<int>(argv.size()), argv.data(), Daemon{});
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.errors = testing::internal::GetCapturedStderr();
    return outcome;
}

std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return std::move(text).str();
}

class Import : public testing::Test {
  protected:
    const TempDir directory_;
    const std::string good_ = directory_.write(
        "klb.conf", "service {\nbind \"192.0.2.1:80\"\nzeroconf_service \"web\"\n@include \"more\"\n}\n");
    const std::string more_ = directory_.write("more", "scheduler \"wlc\"\n");
};

TEST_F(Import, PrintsTheConfigurationAndWarnsBesideIt) {
    const auto [status, out, errors] = import({"klb", good_});
    EXPECT_EQ(status, 0);
    EXPECT_THAT(out, HasSubstr("vip: [192.0.2.1]\n"));
    EXPECT_THAT(out, EndsWith("scheduler: wlc\n"));
    EXPECT_THAT(errors, testing::StartsWith(good_ + ":1:1: warning: wlc goes by weights: "));
}

TEST_F(Import, WritesToTheFileThatIsNamed) {
    const auto path = directory_ / "weir.yaml";
    const auto [status, out, errors] = import({"klb", good_, "-o", path});
    EXPECT_EQ(status, 0);
    EXPECT_EQ(out, "");
    EXPECT_EQ(content(path), import({"klb", good_, "-o", "-"}).out);
}

TEST_F(Import, WritesNothingOverWhatItReads) {
    const auto before = content(good_);
    const auto [status, out, errors] = import({"klb", good_, "-o", directory_.path() + "/./klb.conf"});
    EXPECT_EQ(status, 2);
    EXPECT_THAT(errors, EndsWith(": that is the file to be read\n"));
    EXPECT_EQ(content(good_), before);
}

TEST_F(Import, TellsMistakesByFileLineAndColumnAndWritesNothing) {
    directory_.write("more", "\nschedule \"wlc\"\n");
    const auto path = directory_ / "weir.yaml";
    const auto [status, out, errors] = import({"klb", good_, "-o", path});
    EXPECT_EQ(status, 2);
    EXPECT_EQ(out, "");
    EXPECT_EQ(errors, more_ + ":2:1: unknown directive 'schedule'; did you mean 'scheduler'?\n");
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(Import, FailsWhereItCannotWrite) {
    const auto [status, out, errors] = import({"klb", good_, "-o", directory_ / "none/weir.yaml"});
    EXPECT_EQ(status, 1);
    EXPECT_THAT(errors, HasSubstr("weir: cannot write " + (directory_ / "none/weir.yaml")));
}

TEST_F(Import, OffersOnlyTheFormatsThatItReads) {
    const auto [status, out, errors] = import({"haproxy", good_});
    EXPECT_EQ(status, 2);
    EXPECT_EQ(errors, "weir: unknown format 'haproxy'; write klb\n");
    EXPECT_EQ(import({"klb"}).status, 2);
    EXPECT_EQ(import({"klb", directory_ / "none"}).status, 2);
}

}  // namespace
}  // namespace weir::cli
