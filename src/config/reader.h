// Reads mappings against their sections in settings.h. Nothing here throws or stops at a mistake: it is noted
// with its place, the value keeps its default, and the reading goes on.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "config/settings.h"

namespace weir::config {

class Mistakes {
  public:
    template <class... Args>
    void add(Place at, fmt::format_string<Args...> format, Args&&... args) {
        note(at, fmt::format(format, std::forward<Args>(args)...));
    }
    void note(Place at, const std::string& message);
    size_t count() const { return noted_.size(); }
    /// In the order of the text, each once (an anchor's value is read as often as it is used).
    std::vector<Mistake> take();

  private:
    std::vector<Mistake> noted_;
};

/// As it can stand in a message, which is one line of bounded length whatever stood in the file.
std::string printable(std::string_view text);

/// What "unknown" messages end with: the nearest of the words, else `otherwise`.
std::string suggest(std::string_view word, std::span<const std::string_view> known,
                    std::string_view otherwise);

/// A word alone, or the one of a mapping with settings of its own.
struct Chosen {
    int word = 0;  // of the model's enumeration
    const Node* settings = nullptr;
};

/// One mapping of settings. `title` ("service 'web'") and `at` are what messages about the whole name and
/// point at. A function that takes a setting's name wants one of the section's.
class Fields {
  public:
    Fields(const Node& node, const Section& section, std::string title, Place at, Mistakes& mistakes);

    /// The value as it stands, also an empty one; null where the setting is absent.
    const Node* find(std::string_view name) const;
    /// Of the setting's value; of the whole where it is absent.
    Place place_of(std::string_view name) const;

    /// What the setting takes, in words.
    std::string takes(std::string_view name) const { return describe(setting(name)); }

    /// A value of the kind that the setting takes; null, and noted, where it is another; null where it is
    /// absent.
    const Node* scalar(std::string_view name) const;
    const Node* mapping(std::string_view name) const;
    /// The items of a list. A setting that is described as "…, or one" may be a single value too, and has at
    /// least one.
    std::vector<NodePtr> items(std::string_view name) const;

    /// Each sets `out` where the setting is there and right, and is true then.
    bool number(std::string_view name, auto& out) const;
    template <class Duration>
    bool duration(std::string_view name, Duration& out) const;
    template <class Enum>
    bool choice(std::string_view name, Enum& out) const;
    /// Of a setting that takes `word` or `{word: settings}`; `example` is of the latter.
    std::optional<Chosen> chosen(std::string_view name, std::string_view example) const {
        return chosen(setting(name), example);
    }
    /// With the words, among those of the setting, that the service's engine knows.
    std::optional<Chosen> chosen(const Setting& words, std::string_view example) const;
    /// parse: std::string_view → Result<T>, T assignable to out.
    bool parsed(std::string_view name, auto parse, auto& out) const;

  private:
    const Setting& setting(std::string_view name) const;
    void read_entry(const Entry& entry);
    void refuse_unknown(const Node& key) const;
    const Node* of_kind(const Setting& setting, Node::Kind kind) const;
    Result<int> read_word(const Setting& words, std::string_view text) const;
    Result<int64_t> read_number(const Setting& setting, std::string_view text) const;
    /// In milliseconds, a whole number of `unit`.
    Result<int64_t> read_duration(const Setting& setting, std::string_view text,
                                  std::chrono::milliseconds unit) const;

    const Section& section_;
    std::string title_;
    Place at_;
    Mistakes& mistakes_;
    std::map<std::string_view, Entry> values_;
};

/// Which of the setting's words this is.
Result<int> read_choice(const Setting& setting, std::string_view text);

/// The entries of a mapping whose keys are names that the operator gives: pools, services.
std::vector<Entry> named_entries(const Node& mapping, std::string_view what, Mistakes& mistakes);

bool Fields::parsed(std::string_view name, auto parse, auto& out) const {
    const Node* node = scalar(name);
    if (!node) return false;
    auto value = parse(std::string_view(node->text));
    if (!value) {
        mistakes_.note(node->place, value.error().message);
        return false;
    }
    out = *std::move(value);
    return true;
}

bool Fields::number(std::string_view name, auto& out) const {
    int64_t value = 0;
    if (!parsed(name, [&](std::string_view text) { return read_number(setting(name), text); }, value))
        return false;
    out = static_cast<std::remove_reference_t<decltype(out)>>(value);
    return true;
}

template <class Duration>
bool Fields::duration(std::string_view name, Duration& out) const {
    int64_t value = 0;
    auto read = [&](std::string_view text) { return read_duration(setting(name), text, Duration(1)); };
    if (!parsed(name, read, value)) return false;
    out = std::chrono::duration_cast<Duration>(std::chrono::milliseconds(value));
    return true;
}

template <class Enum>
bool Fields::choice(std::string_view name, Enum& out) const {
    int value = 0;
    if (!parsed(name, [&](std::string_view text) { return read_choice(setting(name), text); }, value))
        return false;
    out = static_cast<Enum>(value);
    return true;
}

}  // namespace weir::config
