#include "cli/options.h"

#include <CLI/CLI.hpp>

namespace weir::cli {
namespace {

constexpr uint64_t kLongest = uint64_t{365} * 24 * 3600;  // of a duration, in seconds

}  // namespace

void Options::argument(const std::string& name, std::string& into, const std::string& help) {
    app_.add_option(name, into, help)->required();
}

void Options::arguments(const std::string& name, std::vector<std::string>& into, const std::string& help) {
    app_.add_option(name, into, help);
}

void Options::flag(const std::string& names, bool& into, const std::string& help) {
    app_.add_flag(names, into, help);
}

void Options::option(const std::string& names, std::string& into, const std::string& help) {
    app_.add_option(names, into, help)->capture_default_str();
}

void Options::internal(const std::string& name, std::string& into) {
    app_.add_option(name, into)->group("");
}

void Options::repeated(const std::string& names, std::vector<std::string>& into, const std::string& help) {
    app_.add_option(names, into, help)->allow_extra_args(false);
}

void Options::required(const std::string& names, std::string& into, const std::string& help) {
    app_.add_option(names, into, help)->required();
}

void Options::choice(const std::string& names, std::string& into, const std::vector<std::string>& of,
                     const std::string& help) {
    app_.add_option(names, into, help)->capture_default_str()->check(CLI::IsMember(of));
}

void Options::number(const std::string& names, size_t& into, size_t least, size_t most,
                     const std::string& help) {
    app_.add_option(names, into, help)->capture_default_str()->check(CLI::Range(least, most));
}

void Options::duration(const std::string& names, std::optional<std::chrono::seconds>& into,
                       const std::string& help) {
    auto take = [&into, names](const uint64_t& seconds) {
        if (seconds > kLongest) throw CLI::ValidationError(names, "at most a year, 8760h");
        into = std::chrono::seconds(seconds);
    };
    app_.add_option_function<uint64_t>(names, take, help)
        ->transform(CLI::AsNumberWithUnit(std::map<std::string, uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}},
                                          CLI::AsNumberWithUnit::UNIT_REQUIRED, "DURATION"));
}

Options Options::subcommand(const std::string& name, const std::string& summary, std::function<void()> chosen,
                            const std::string& alias) {
    app_.require_subcommand(1);
    auto* entry = app_.add_subcommand(name, summary);
    if (!alias.empty()) entry->alias(alias);
    entry->callback(std::move(chosen));
    return Options(*entry);
}

}  // namespace weir::cli
