#include "cli/source_options.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <filesystem>

#include "config/settings.h"

namespace weir::cli {
namespace {

constexpr const char* kPool = "refresh";

/// Text that is YAML, too.
std::string quoted(const std::string& text) {
    return boost::json::serialize(boost::json::string(text));
}

bool is_file(const Setting& setting) {
    static const auto words = describe({.name = "", .takes = Takes::file});
    return describe(setting) == words;
}

/// The configuration wants absolute paths; on the command line others have a meaning, too.
std::string value_of(const Setting& setting, const std::string& given) {
    if (!is_file(setting) || given.empty()) return quoted(given);
    std::error_code ignored;
    auto path = std::filesystem::absolute(given, ignored);
    return quoted(ignored ? given : path.lexically_normal().string());
}

std::string help_of(const Setting& setting) {
    auto help = describe(setting);
    if (setting.takes == Takes::list) help += "; may be given several times";
    if (!setting.fallback.empty()) help += fmt::format("; default: {}", setting.fallback);
    if (setting.required) help += "; required";
    return help;
}

}  // namespace

std::string SourceOptions::option_of(std::string_view setting) {
    auto option = "--" + std::string(setting);
    std::ranges::replace(option, '_', '-');
    return option;
}

SourceOptions::SourceOptions(const Section& kind, Options& options) : kind_(kind) {
    auto is_required = [](const Setting& setting) { return setting.required; };
    if (std::ranges::count_if(kind.settings, is_required) == 1)
        only_ = &*std::ranges::find_if(kind.settings, is_required);
    for (const auto& setting : kind.settings) declare(setting, {std::string(setting.name)}, options);
}

void SourceOptions::declare(const Setting& setting, std::vector<std::string> path, Options& options) {
    if (setting.takes == Takes::tls) {
        for (const auto& part : config::kSourceTls.settings)
            declare(part, {std::string(setting.name), std::string(part.name)}, options);
        return;
    }
    auto name = path.front();
    for (size_t i = 1; i < path.size(); ++i) name += "-" + path[i];
    all_.push_back(std::make_unique<Given>(Given{option_of(name), std::move(path), &setting}));
    auto& values = all_.back()->values;
    if (&setting != only_) return options.repeated(all_.back()->option, values, help_of(setting));
    std::string word(setting.name);
    std::ranges::transform(word, word.begin(), [](char c) { return c == '_' ? '-' : std::toupper(c); });
    const auto names = all_.back()->option + "," + word;
    if (setting.takes == Takes::list)
        options.arguments(names, values, help_of(setting));
    else
        options.repeated(names, values, help_of(setting));
}

/// A line for each setting, so that its mistakes can be told by their line.
SourceOptions::Text SourceOptions::text() const {
    Text text{fmt::format("pools:\n  {}:\n    {}:\n", kPool, kind_.name), {}};
    int line = 4;
    std::string within;
    for (const auto& given : all_) {
        if (given->values.empty()) continue;
        std::string indent = "      ";
        if (given->path.size() > 1) {
            if (std::exchange(within, given->path.front()) != given->path.front()) {
                text.yaml += fmt::format("{}{}:\n", indent, given->path.front());
                ++line;
            }
            indent += "  ";
        }
        std::string value;
        for (const auto& each : given->values)
            value.append(value.empty() ? "" : ", ").append(value_of(*given->setting, each));
        if (given->setting->takes == Takes::list || given->values.size() > 1) value = "[" + value + "]";
        auto key = fmt::format("{}{}: ", indent, given->path.back());
        text.options[line++] = {static_cast<int>(key.size()) + 1, given->option};
        text.yaml += key + value + '\n';
    }
    if (line == 4) text.yaml += "      {}\n";
    return text;
}

Result<model::SourceSpec> SourceOptions::spec(config::SourceKinds kinds) const {
    auto [yaml, options] = text();
    auto config = config::parse(yaml, kinds);
    if (config) return config->pools.at(kPool).sources.at(0);
    const auto& mistake = config.error().front();
    auto option = options.find(mistake.line);
    // Of the source as a whole, where it begins: at its first key.
    if (option == options.end() || mistake.column < option->second.column)
        return fail("{}: {}", kind_.name, mistake.message);
    return fail("{} {}: {}", kind_.name, option->second.name, mistake.message);
}

}  // namespace weir::cli
