#include "cli/cli.h"

#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <vector>

namespace weir::cli {
namespace {

/// What `weir WORDS… --help` prints.
std::string help(std::vector<std::string> words) {
    words.insert(words.begin(), "weir");
    words.emplace_back("--help");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    testing::internal::CaptureStdout();
    const int status = main(static_cast<int>(argv.size()), argv.data(), Daemon{});
    std::string text = testing::internal::GetCapturedStdout();
    EXPECT_EQ(status, 0);
    return text;
}

std::vector<std::string> all_matches(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern, std::regex::multiline);
    std::vector<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
        found.push_back((*at)[1]);
    return found;
}

std::string manual() {
    std::ostringstream text;
    text << std::ifstream(WEIR_SOURCE_DIR "/man/weir.1").rdbuf();
    return std::move(text).str();
}

TEST(CommandLine, TheManualHasEverySubcommandWithItsOptions) {
    const std::string page = manual();
    const std::string overview = help({});
    const auto subcommands = all_matches(overview.substr(overview.find("Subcommands:")), "^  ([a-z]+)  ");
    ASSERT_THAT(subcommands, testing::IsSupersetOf({"run", "check", "status", "doctor"}));
    for (const std::string& name : subcommands) {
        EXPECT_TRUE(std::regex_search(page, std::regex("\n\\.TP\n\\.BI?R? \"?" + name + "[ \"\n]"))) << name;
        for (const std::string& option : all_matches(help({name}), "(--[a-z-]+)"))
            EXPECT_TRUE(page.contains(option)) << name << ' ' << option;
    }
}

std::optional<std::chrono::seconds> lifetime;

/// Runs `weir run --for FOR`; gives the exit code.
int run_for(std::string time) {
    std::vector<std::string> words{"weir", "run", "-c", "weir.yaml", "--for", std::move(time)};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    Daemon daemon{};
    daemon.run = [](const RunOptions& options) {
        lifetime = options.lifetime;
        return 0;
    };
    return main(static_cast<int>(argv.size()), argv.data(), daemon);
}

TEST(CommandLine, TakesNoTimeThatAClockDoesNot) {
    EXPECT_EQ(run_for("8760h"), 0);
    EXPECT_EQ(lifetime, std::chrono::hours(8760));
    for (const char* time : {"8761h", "9999999h", "99999999999999999999h", "-1s", "5"})
        EXPECT_EQ(run_for(time), 2) << time;
}

}  // namespace
}  // namespace weir::cli
