#include "discovery/value.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <ranges>

#include "discovery/yaml_list.h"

namespace weir::discovery {
namespace {

namespace json = boost::json;

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(kSpace);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// With or without a port.
Result<Found> read_address(std::string_view text) {
    Found found;
    if (auto alone = net::Ip::parse(text)) {
        found.address = *alone;
    } else if (auto both = net::Endpoint::parse(text)) {
        found.address = both->address;
        found.port = both->port;
    } else {
        return fail("'{}' is no ADDRESS, ADDRESS:PORT or [IPv6]:PORT", excerpt(text));
    }
    if (auto good = check_address(found.address); !good) return propagate(good);
    return found;
}

template <class T>
Result<T> read_number(const json::value& value, std::string_view name, int64_t least, int64_t most) {
    int64_t number = -1;
    if (value.is_int64())
        number = value.get_int64();
    else if (value.is_string())
        if (auto [end, error] = std::from_chars(value.get_string().begin(), value.get_string().end(), number);
            error != std::errc{} || end != value.get_string().end())
            number = -1;
    if (number < least || number > most)
        return fail("its '{}' is not a number from {} to {}", name, least, most);
    return static_cast<T>(number);
}

bool is_printable(char c) {
    return c > 0x20 && c < 0x7f;
}

Status add_tag(Found& found, std::string_view tag) {
    if (found.tags.size() == kMostTags) return fail("it has more than {} tags", kMostTags);
    if (tag.empty() || tag.size() > kLongestTag)
        return fail("a tag is a word of at most {} bytes", kLongestTag);
    found.tags.emplace_back(tag);
    return {};
}

Status set_field(Found& found, std::string_view name, const json::value& value) {
    if (name == "port") {
        auto port = read_number<uint16_t>(value, name, 1, 65535);
        if (!port) return propagate(port);
        found.port = net::Port(*port);
    } else if (name == "weight") {
        auto weight = read_number<uint32_t>(value, name, 0, kMostWeight);
        if (!weight) return propagate(weight);
        found.weight = *weight;
    } else if (name == "priority") {
        auto priority = read_number<uint16_t>(value, name, 0, 65535);
        if (!priority) return propagate(priority);
        found.priority = *priority;
    } else if (name == "tags") {
        if (!value.is_array()) return fail("its 'tags' are no list of words");
        for (const auto& tag : value.get_array()) {
            if (!tag.is_string()) return fail("its 'tags' are no list of words");
            if (auto done = add_tag(found, tag.get_string()); !done) return done;
        }
    }
    return {};  // other words are somebody else's
}

Result<Found> read_object(const json::object& object) {
    const auto* address = object.if_contains("address");
    if (!address || !address->is_string()) return fail("it has no 'address'");
    auto found = read_address(trimmed(std::string_view(address->get_string())));
    if (!found) return found;
    for (const auto& [name, value] : object)
        if (auto done = set_field(*found, name, value); !done) return propagate(done);
    return found;
}

/// `ADDRESS weight=2 blue`.
Result<Found> read_line(std::string_view line) {
    auto end = line.find_first_of(" \t");
    if (line.starts_with('{')) end = line.npos;
    auto found = read_value(line.substr(0, end));
    while (found && end != line.npos) {
        line = trimmed(line.substr(end));
        end = line.find_first_of(" \t");
        auto word = line.substr(0, end);
        auto equals = word.find('=');
        auto name = word.substr(0, equals);
        if (name == "weight" || name == "priority") {
            auto value = equals == word.npos ? std::string_view() : word.substr(equals + 1);
            if (auto done = set_field(*found, name, json::value(value)); !done) return propagate(done);
        } else {
            if (auto done = add_tag(*found, word); !done) return propagate(done);
            // Nobody has looked at its bytes.
            if (!std::ranges::all_of(word, is_printable)) found->tags.back() = excerpt(word);
        }
    }
    return found;
}

/// The next line, without what does not count of it; `text` goes on behind it.
std::string_view take_line(std::string_view& text) {
    auto end = text.find('\n');
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return line.starts_with('{') ? line : trimmed(line.substr(0, line.find('#')));
}

std::string_view first_line(std::string_view text) {
    std::string_view line;
    while (line.empty() && !text.empty()) line = take_line(text);
    return line;
}

Set read_json_list(const json::array& list, std::string_view where) {
    Set set;
    size_t number = 0;
    for (const auto& item : list | std::views::take(kMostLooks))
        take(read_value(item), fmt::format("{}, item {}", where, ++number), set);
    return set;
}

Set read_lines(std::string_view text, std::string_view where) {
    Set set;
    size_t looks = 0;
    for (size_t number = 1; !text.empty() && looks < kMostLooks; ++number) {
        auto line = take_line(text);
        if (line.empty()) continue;
        ++looks;
        take(read_line(line), fmt::format("{}, line {}", where, number), set);
    }
    return set;
}

}  // namespace

std::string excerpt(std::string_view text) {
    constexpr size_t kMost = 80;
    std::string out;
    for (char c : text.substr(0, kMost)) {
        auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return text.size() > kMost ? out + "…" : out;
}

Status check_address(const net::Ip& address) {
    static const auto broadcast = net::Ip::parse("255.255.255.255").value();
    if (address.is_unspecified() || address.is_multicast() || address.is_loopback() || address == broadcast)
        return fail("{} is not the address of a backend", address.text());
    return {};
}

Result<Found> read_value(const json::value& value) {
    if (value.is_object()) return read_object(value.get_object());
    if (value.is_string()) return read_address(trimmed(std::string_view(value.get_string())));
    return fail("'{}' is neither an address nor an object with one", excerpt(json::serialize(value)));
}

Result<Found> read_value(std::string_view text) {
    text = trimmed(text);
    if (!text.starts_with('{')) return read_address(text);
    boost::system::error_code error;
    auto value = json::parse(text, error);
    if (error) return fail("'{}' is not JSON: {}", excerpt(text), error.message());
    return read_value(value);
}

void take(const Result<Found>& found, std::string_view where, Set& into) {
    auto refuse = [&into](std::string why) {
        if (into.refused.size() < kMostRefused)
            into.refused.push_back(std::move(why));
        else if (into.refused.size() == kMostRefused)
            into.refused.emplace_back("and more");
    };
    if (!found)
        refuse(fmt::format("{}: {}", where, found.error().message));
    else if (into.members.size() == kMostMembers)
        refuse(fmt::format("{}: there are more than {} backends", where, kMostMembers));
    else
        into.members.push_back(*found);
}

void take_value(std::string_view text, std::string_view where, Set& into) {
    take(read_value(text), where, into);
}

Set read_values(std::string_view text, std::string_view where) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    auto first = first_line(text);
    // `[2001:db8::1]:80` begins as a list does.
    if (first.starts_with('[') && !read_line(first)) {
        boost::system::error_code error;
        auto list = json::parse(trimmed(text), error);
        if (!error && list.is_array()) return read_json_list(list.get_array(), where);
        return read_yaml_list(text, where);
    }
    if (first == "-" || first.starts_with("- ") || first.starts_with("---"))
        return read_yaml_list(text, where);
    return read_lines(text, where);
}

Result<Set> read_list(std::string_view text, std::string_view where) {
    auto set = read_values(text, where);
    if (set.members.empty() && !set.refused.empty()) return fail("{}", set.refused.front());
    return set;
}

}  // namespace weir::discovery
