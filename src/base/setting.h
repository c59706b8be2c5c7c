// What a setting of the configuration file is called and takes, as a value: the reader takes limits and names
// from it, the manual page and the messages their words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir {

/// `file`: a file's contents, `secret`: those of one that others must not be able to read; both by its path.
/// `tls`: what a client asks of a TLS server, and shows it.
enum class Takes : uint8_t { mapping, list, text, number, milliseconds, seconds, choice, file, secret, tls };

/// A word that a setting takes. One with `instead` belongs to the format but not to this version.
struct Choice {
    std::string_view word;
    int value = 0;  // of the model's enumeration
    std::string_view instead{};
};

struct Setting {
    std::string_view name;
    Takes takes = Takes::text;
    std::string_view what{};  // of text, lists and mappings: what they hold
    int64_t least = 0;        // of numbers; of durations in milliseconds
    int64_t most = 0;
    std::span<const Choice> choices = {};
    std::string_view fallback{};  // in words; "" where there is none
    bool required = false;
};

/// A setting of the format that this version does not have, and what it has.
struct Unavailable {
    std::string_view name;
    std::string_view instead;
};

/// The settings of one kind of mapping.
struct Section {
    std::string_view name;  // "service", "pool", …; "" of the file as a whole
    std::span<const Setting> settings;
    std::span<const Unavailable> unavailable = {};
    const Section* around = nullptr;  // where a setting may have been meant to stand

    const Setting* find(std::string_view setting) const;
};

/// "a number from 1 to 64", "30s to 1h", "drop or pass", … as the manual page and the messages say it.
std::string describe(const Setting& setting);

/// "drop or pass": what is available.
std::string list_words(std::span<const Choice> choices);

/// 90000 ms as "90s"; the largest unit that leaves no rest.
std::string duration_text(int64_t milliseconds);

constexpr Setting required(Setting setting) {
    setting.required = true;
    return setting;
}

}  // namespace weir
