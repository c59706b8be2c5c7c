#include "config/reader.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <set>

#include "config/nearest.h"

namespace weir::config {

std::string printable(std::string_view text) {
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    constexpr size_t kMost = 600, kKept = 250;
    if (out.size() <= kMost) return out;
    auto inside_character = [&](size_t at) { return (static_cast<unsigned char>(out[at]) & 0xc0) == 0x80; };
    size_t head = kKept, tail = out.size() - kKept;
    while (head > 0 && inside_character(head)) head--;
    while (tail > head && inside_character(tail)) tail--;
    return out.substr(0, head) + "…" + out.substr(tail);
}

namespace {

std::string with_article(std::string_view noun) {
    bool vowel = std::string_view("aeiou").contains(noun.front());
    return fmt::format("{} {}", vowel ? "an" : "a", noun);
}

bool is_name(std::string_view text) {
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("._-").contains(c);
    };
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, allowed);
}

}  // namespace

void Mistakes::note(Place at, const std::string& message) {
    noted_.push_back({at.line, at.column, printable(message)});
}

std::vector<Mistake> Mistakes::take() {
    std::ranges::stable_sort(noted_, {},
                             [](const Mistake& mistake) { return Place{mistake.line, mistake.column}; });
    std::set<Mistake> seen;
    std::vector<Mistake> taken;
    for (auto& mistake : noted_)
        if (seen.insert(mistake).second) taken.push_back(std::move(mistake));
    noted_.clear();
    return taken;
}

std::string suggest(std::string_view word, std::span<const std::string_view> known,
                    std::string_view otherwise) {
    if (auto near = nearest(word, known)) return fmt::format("did you mean '{}'?", *near);
    return std::string(otherwise);
}

Fields::Fields(const Node& node, const Section& section, std::string title, Place at, Mistakes& mistakes)
    : section_(section), title_(std::move(title)), at_(at), mistakes_(mistakes) {
    if (node.kind != Node::Kind::mapping) {
        mistakes_.add(node.place, "{} is {}; write a mapping of its settings", title_, describe(node.kind));
        return;
    }
    for (const auto& entry : node.entries) read_entry(entry);
    for (const auto& setting : section_.settings)
        if (setting.required && !values_.contains(setting.name))
            mistakes_.add(at_, "{} has no '{}'; add it, {}", title_, setting.name, describe(setting));
}

void Fields::read_entry(const Entry& entry) {
    const Node& key = *entry.key;
    if (key.kind != Node::Kind::scalar) {
        mistakes_.add(key.place, "a key of {} is {}; write a setting's name", title_, describe(key.kind));
        return;
    }
    const Setting* known = section_.find(key.text);
    if (!known) return refuse_unknown(key);
    auto [before, is_new] = values_.emplace(known->name, entry);
    if (!is_new)
        mistakes_.add(key.place, "'{}' stands here again, after line {}; keep one of the two", key.text,
                      before->second.key->place.line);
}

void Fields::refuse_unknown(const Node& key) const {
    std::string_view name = key.text;
    auto later = std::ranges::find(section_.unavailable, name, &Unavailable::name);
    if (later != section_.unavailable.end())
        return mistakes_.add(key.place, "'{}' is not available in this version; {}", name, later->instead);
    if (name == "<<")
        return mistakes_.add(key.place,
                             "merge keys ('<<') are not read; alias a whole value or write the settings out");
    std::vector<std::string_view> known;
    for (const auto& setting : section_.settings) known.push_back(setting.name);
    if (section_.around && section_.around->find(name) && !nearest(name, known))
        return mistakes_.add(key.place, "'{}' is not a setting of {}; it belongs to the {} around it", name,
                             title_, section_.around->name);
    auto all = known.empty() ? fmt::format("{} takes none", title_)
                             : fmt::format("{} takes {}", title_, fmt::join(known, ", "));
    mistakes_.add(key.place, "unknown key '{}'; {}", name, suggest(name, known, all));
}

const Setting& Fields::setting(std::string_view name) const {
    const Setting* found = section_.find(name);
    assert(found);
    return *found;
}

const Node* Fields::find(std::string_view name) const {
    assert(section_.find(name));
    auto found = values_.find(name);
    return found == values_.end() ? nullptr : found->second.value.get();
}

Place Fields::place_of(std::string_view name) const {
    const Node* node = find(name);
    return node ? node->place : at_;
}

const Node* Fields::of_kind(const Setting& setting, Node::Kind kind) const {
    const Node* node = find(setting.name);
    if (!node || node->kind == kind) return node;
    bool empty = node->kind == Node::Kind::empty;
    mistakes_.add(node->place, "'{}' is {}; {} {}", setting.name, describe(node->kind),
                  empty ? "leave it out or write" : "write", describe(setting));
    return nullptr;
}

const Node* Fields::scalar(std::string_view name) const {
    return of_kind(setting(name), Node::Kind::scalar);
}

const Node* Fields::mapping(std::string_view name) const {
    return of_kind(setting(name), Node::Kind::mapping);
}

std::vector<NodePtr> Fields::items(std::string_view name) const {
    auto found = values_.find(name);
    if (found == values_.end()) return {};
    const NodePtr& node = found->second.value;
    bool one_or_more = setting(name).what.ends_with(", or one");
    if (one_or_more && node->kind == Node::Kind::scalar) return {node};
    if (!of_kind(setting(name), Node::Kind::sequence)) return {};
    if (node->items.empty() && (one_or_more || setting(name).required))
        mistakes_.add(node->place, "'{}' is an empty list; write {}", name, describe(setting(name)));
    return node->items;
}

std::optional<Chosen> Fields::chosen(const Setting& words, std::string_view example) const {
    const Node* node = find(words.name);
    if (!node || (node->kind != Node::Kind::mapping && !of_kind(words, Node::Kind::scalar)))
        return std::nullopt;
    const Node *key = node, *settings = nullptr;
    if (node->kind == Node::Kind::mapping) {
        if (node->entries.size() != 1 || node->entries.front().key->kind != Node::Kind::scalar) {
            mistakes_.add(node->place, "this does not name one {}; write it as in '{}'", words.name, example);
            return std::nullopt;
        }
        key = node->entries.front().key.get();
        settings = node->entries.front().value.get();
    }
    auto word = read_word(words, key->text);
    if (word) return Chosen{*word, settings};
    mistakes_.note(key->place, word.error().message);
    return std::nullopt;
}

Result<int> Fields::read_word(const Setting& words, std::string_view text) const {
    auto has = [&](const Setting& setting) {
        return std::ranges::find(setting.choices, text, &Choice::word) != setting.choices.end();
    };
    if (has(setting(words.name)) && !has(words))
        return fail("{} '{}' is not for this engine; write {}", words.name, text, list_words(words.choices));
    return read_choice(words, text);
}

Result<int64_t> Fields::read_number(const Setting& setting, std::string_view text) const {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || text.empty() || error == std::errc::invalid_argument)
        return fail("'{}' is not a number; '{}' takes {}", text, setting.name, describe(setting));
    if (error != std::errc{} || value < setting.least || value > setting.most)
        return fail("{} is out of range; '{}' takes {}", text, setting.name, describe(setting));
    return value;
}

Result<int64_t> Fields::read_duration(const Setting& setting, std::string_view text,
                                      std::chrono::milliseconds kept) const {
    constexpr std::pair<std::string_view, int64_t> kUnits[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view rest(end, text.data() + text.size());
    auto unit = std::ranges::find(kUnits, rest, &std::pair<std::string_view, int64_t>::first);
    if (error == std::errc::invalid_argument || unit == std::end(kUnits))
        return fail("'{}' is not a duration; write a whole number and its unit: 500ms, 30s, 15m, 1h or 14d",
                    text);
    bool fits = error == std::errc{} && value >= 0 && value <= setting.most / unit->second;
    if (!fits || value * unit->second < setting.least)
        return fail("{} is out of range; '{}' takes {}", text, setting.name, describe(setting));
    bool in_hours = kept >= std::chrono::hours(1);
    if (setting.takes == Takes::seconds) kept = std::max(kept, std::chrono::milliseconds(1000));
    if (const char* counts = in_hours ? "hours" : "seconds"; value * unit->second % kept.count() != 0)
        return fail("{} is not a whole number of {}; '{}' counts in {}", text, counts, setting.name, counts);
    return value * unit->second;
}

Result<int> read_choice(const Setting& setting, std::string_view text) {
    std::vector<std::string_view> known;
    for (const auto& choice : setting.choices) {
        if (choice.instead.empty()) known.push_back(choice.word);
        if (choice.word != text) continue;
        if (choice.instead.empty()) return choice.value;
        return fail("{} '{}' is not available in this version; {}", setting.name, text, choice.instead);
    }
    return fail("unknown {} '{}'; {}", setting.name, text,
                suggest(text, known, fmt::format("write {}", list_words(setting.choices))));
}

std::vector<Entry> named_entries(const Node& mapping, std::string_view what, Mistakes& mistakes) {
    std::vector<Entry> distinct;
    std::map<std::string_view, int> lines;
    for (const auto& entry : mapping.entries) {
        const Node& key = *entry.key;
        if (key.kind != Node::Kind::scalar || !is_name(key.text)) {
            mistakes.add(key.place, "'{}' does not name {}; write 1 to 64 letters, digits, '.', '_' and '-'",
                         key.text, with_article(what));
            continue;
        }
        auto [before, is_new] = lines.emplace(key.text, key.place.line);
        if (is_new)
            distinct.push_back(entry);
        else
            mistakes.add(key.place, "{} '{}' stands here again, after line {}; give each its own name", what,
                         key.text, before->second);
    }
    return distinct;
}

}  // namespace weir::config
