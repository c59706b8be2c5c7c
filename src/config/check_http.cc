// The settings of the checks that speak HTTP.
#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <cctype>
#include <charconv>

#include "config/check_kinds.h"

namespace weir::config {
namespace {

using boost::algorithm::iequals;

constexpr size_t kMostBodyText = 4096;

bool is_visible_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// It becomes a part of the request's first line.
Result<std::string> read_path(std::string_view text) {
    if (!text.starts_with('/') || !is_visible_ascii(text))
        return fail("'{}' is not a path; write one such as /alive, with %20 for a space", text);
    return std::string(text);
}

/// NAME or [IPv6], with :PORT or without (RFC 3986, 3.2.2).
bool is_host(std::string_view text) {
    bool bracketed = text.starts_with('[');
    auto end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
    if (end == text.npos || end == 0) return false;
    auto port = text.substr(end + (bracketed ? 1 : 0));
    if (!port.empty() && (port[0] != ':' || !net::Port::parse(port.substr(1)))) return false;
    if (!bracketed) return true;
    auto address = net::Ip::parse(text.substr(1, end - 1));
    return address && !address->is_v4();
}

Result<std::string> read_host(std::string_view text) {
    if (text.size() > 255 || !is_visible_ascii(text) || text.find_first_of("/@?#\\") != text.npos ||
        !is_host(text))
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

bool is_token(std::string_view text) {
    auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
    };
    return !text.empty() && std::ranges::all_of(text, allowed);
}

bool is_header_value(std::string_view text) {
    auto allowed = [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); };
    return std::ranges::all_of(text, allowed) && !text.starts_with(' ') && !text.ends_with(' ');
}

/// Headers that are made of other settings, or would end the request elsewhere than it ends.
bool is_own(std::string_view name) {
    constexpr std::string_view kOwn[] = {"Host", "Connection", "Content-Length", "Transfer-Encoding"};
    return std::ranges::any_of(kOwn, [name](std::string_view one) { return iequals(one, name); });
}

void read_header(const Entry& entry, Headers& headers, Mistakes& mistakes) {
    const auto& [name, value] = entry;
    auto is_same = [&name](const auto& header) { return iequals(header.first, name->text); };
    if (name->kind != Node::Kind::scalar || !is_token(name->text))
        mistakes.add(name->place, "'{}' is not a header's name; write one such as X-Check", name->text);
    else if (is_own(name->text))
        mistakes.add(name->place, "'{}' is not for 'headers'; weir writes it itself", name->text);
    else if (value->kind == Node::Kind::sequence || value->kind == Node::Kind::mapping ||
             !is_header_value(value->text))
        mistakes.add(value->place,
                     "the header '{}' has no value of one line; write one without control "
                     "characters or space at its ends",
                     name->text);
    else if (std::ranges::any_of(headers, is_same))
        mistakes.add(name->place, "the header '{}' stands here again; keep one of the two", name->text);
    else
        headers.emplace_back(name->text, value->text);
}

Result<std::string> read_body(std::string_view text) {
    if (text.empty() || text.size() > kMostBodyText)
        return fail("the text has {} bytes; write 1 to {}", text.size(), kMostBodyText);
    return std::string(text);
}

model::HttpCheck read_http(const Fields& fields, Mistakes& mistakes) {
    model::HttpCheck http;
    fields.parsed("path", read_path, http.path);
    fields.parsed("host", read_host, http.host);
    fields.choice("method", http.method);
    if (const Node* headers = fields.mapping("headers")) http.headers = read_headers(*headers, mistakes);
    if (fields.parsed("body", read_body, http.body) && http.method == model::HttpMethod::head)
        mistakes.add(fields.place_of("body"), "an answer to HEAD has no body; leave 'body' out or write GET");
    if (!fields.find("expect")) return http;
    http.expect.clear();
    for (const auto& item : fields.items("expect")) read_expected(*item, http.expect, mistakes);
    return http;
}

}  // namespace

Headers read_headers(const Node& mapping, Mistakes& mistakes) {
    Headers headers;
    for (const auto& entry : mapping.entries) read_header(entry, headers, mistakes);
    return headers;
}

model::Check::Kind read_http_check(const Fields& fields, Mistakes& mistakes) {
    return read_http(fields, mistakes);
}

model::Check::Kind read_https_check(const Fields& fields, Mistakes& mistakes) {
    model::HttpsCheck check{read_http(fields, mistakes), read_tls(fields, mistakes)};
    fields.duration("expiry_warning", check.tls.expiry_warning);
    return check;
}

}  // namespace weir::config
