#include <algorithm>
#include <charconv>

#include "config/sections.h"

namespace weir::config {
namespace {

bool is_visible_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// It becomes a part of the request's first line.
Result<std::string> read_path(std::string_view text) {
    if (!text.starts_with('/') || !is_visible_ascii(text))
        return fail("'{}' is not a path; write one such as /alive, with %20 for a space", text);
    return std::string(text);
}

Result<std::string> read_host(std::string_view text) {
    if (text.empty() || text.size() > 255 || !is_visible_ascii(text) ||
        text.find_first_of("/@?#\\") != text.npos)
        return fail("'{}' is not a host; write a name such as www.example.com, with :PORT if need be", text);
    return std::string(text);
}

/// "200" or "200-299".
Result<model::StatusRange> read_status_range(std::string_view text) {
    auto wrong =
        fail("'{}' is not a status or a range of statuses; write 200 or 200-299, from 100 to 599", text);
    auto number = [](std::string_view digits) -> uint16_t {
        uint16_t value = 0;
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        bool good =
            error == std::errc{} && end == digits.data() + digits.size() && value >= 100 && value <= 599;
        return good ? value : 0;
    };
    auto dash = text.find('-');
    model::StatusRange range{number(text.substr(0, dash)), 0};
    range.last = dash == text.npos ? range.first : number(text.substr(dash + 1));
    if (range.first == 0 || range.last < range.first) return wrong;
    return range;
}

void read_expected(const Node& item, std::vector<model::StatusRange>& expect, Mistakes& mistakes) {
    if (item.kind != Node::Kind::scalar) {
        mistakes.add(item.place, "an item of 'expect' is {}; write a status or a range of statuses",
                     describe(item.kind));
        return;
    }
    std::string_view rest = item.text;
    do {
        auto end = std::min(rest.find_first_of(" ,"), rest.size());
        auto range = read_status_range(rest.substr(0, end));
        if (!range) return mistakes.note(item.place, range.error().message);
        expect.push_back(*range);
        rest.remove_prefix(end);
        rest.remove_prefix(std::min(rest.find_first_not_of(" ,"), rest.size()));
    } while (!rest.empty());
}

model::HttpCheck read_http(const Node& node, Mistakes& mistakes) {
    model::HttpCheck http;
    if (node.kind == Node::Kind::empty) return http;
    Fields fields(node, kHttpCheck, "http", node.place, mistakes);
    fields.parsed("path", read_path, http.path);
    fields.parsed("host", read_host, http.host);
    if (!fields.find("expect")) return http;
    http.expect.clear();
    for (const auto& item : fields.items("expect")) read_expected(*item, http.expect, mistakes);
    return http;
}

/// `- tcp` and `- http`: a check with every setting at its default.
std::optional<model::Check> read_bare(const Node& node, Mistakes& mistakes) {
    if (node.text == "tcp") return model::Check{};
    if (node.text == "http") return model::Check{.kind = model::HttpCheck{}};
    auto later = std::ranges::find(kCheck.unavailable, node.text, &Unavailable::name);
    if (later != kCheck.unavailable.end())
        mistakes.add(node.place, "'{}' is not available in this version; {}", node.text, later->instead);
    else
        mistakes.add(node.place, "unknown check '{}'; write tcp or http", node.text);
    return std::nullopt;
}

bool names_unavailable(const Node& node) {
    return std::ranges::any_of(node.entries, [](const Entry& entry) {
        return std::ranges::find(kCheck.unavailable, entry.key->text, &Unavailable::name) !=
               kCheck.unavailable.end();
    });
}

void read_kind(const Fields& fields, const Node& node, model::Check& check, Mistakes& mistakes) {
    const Node* tcp = fields.find("tcp");
    const Node* http = fields.find("http");
    if (tcp && tcp->kind != Node::Kind::empty) Fields(*tcp, kTcpCheck, "tcp", tcp->place, mistakes);
    if (http) check.kind = read_http(*http, mistakes);
    if (tcp && http)
        mistakes.add(http->place, "this check is of two kinds, tcp and http; write two checks");
    else if (!tcp && !http && !names_unavailable(node))
        mistakes.add(node.place, "this check is of no kind; add 'tcp: {{}}' or 'http: {{path: /}}'");
}

/// Those that are not given follow the ones that are.
void read_tally(const Fields& fields, model::Check& check, Mistakes& mistakes) {
    fields.number("history", check.history);
    check.rise = std::min(check.rise, check.history);
    check.fall = std::min(check.fall, check.history);
    for (auto [name, value] : {std::pair("rise", &check.rise), std::pair("fall", &check.fall)})
        if (fields.number(name, *value) && *value > check.history)
            mistakes.add(fields.place_of(name),
                         "'{}' is {} of the last {}, which never happens; write {} at most, or a "
                         "longer history",
                         name, *value, check.history, check.history);
}

void read_times(const Fields& fields, model::Check& check, Mistakes& mistakes) {
    fields.duration("interval", check.interval);
    check.timeout = std::min(check.timeout, check.interval);
    if (fields.duration("timeout", check.timeout) && check.timeout > check.interval)
        mistakes.add(fields.place_of("timeout"),
                     "the timeout {} is longer than the interval {}; write {} at most",
                     duration_text(check.timeout.count()), duration_text(check.interval.count()),
                     duration_text(check.interval.count()));
}

}  // namespace

std::optional<model::Check> read_check(const Node& node, Mistakes& mistakes) {
    if (node.kind == Node::Kind::scalar) return read_bare(node, mistakes);
    Fields fields(node, kCheck, "the check", node.place, mistakes);
    model::Check check;
    if (node.kind != Node::Kind::mapping) return std::nullopt;
    read_kind(fields, node, check, mistakes);
    uint16_t port = 0;
    if (fields.number("port", port)) check.port = net::Port(port);
    read_times(fields, check, mistakes);
    read_tally(fields, check, mistakes);
    return check;
}

}  // namespace weir::config
