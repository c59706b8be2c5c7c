#include "discovery/zeroconf_query.h"

#include <algorithm>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

constexpr size_t kLongestName = 15;
constexpr size_t kLongestLabel = 63;
constexpr size_t kLongestDomain = 255;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Status check_name(std::string_view name) {
    auto valid = [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; };
    if (name.empty() || name.size() > kLongestName)
        return fail("it has {} letters where 1 to {} are right", name.size(), kLongestName);
    if (!std::ranges::all_of(name, valid)) return fail("only letters, digits and hyphens are right");
    if (!std::ranges::any_of(name, is_letter)) return fail("there is no letter in it");
    if (name.starts_with('-') || name.ends_with('-') || name.find("--") != name.npos)
        return fail("hyphens stand alone, between letters or digits");
    return {};
}

}  // namespace

Result<std::string> read_service_type(std::string_view text) {
    auto name = text;
    std::string_view protocol = "_tcp";
    if (text.starts_with('_')) {
        auto dot = text.find('.');
        protocol = dot == text.npos ? std::string_view() : text.substr(dot + 1);
        if (protocol != "_tcp" && protocol != "_udp")
            return fail("'{}' is no service type; write for example http, _http._tcp or _dns._udp",
                        excerpt(text));
        name = text.substr(1, dot - 1);
    }
    if (auto good = check_name(name); !good)
        return fail("'{}' is not the name of a service: {}", excerpt(name), good.error().message);
    return fmt::format("_{}.{}", name, protocol);
}

Result<std::string> read_domain(std::string_view text) {
    auto domain = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
    auto bad = [](unsigned char c) { return c <= 0x20 || c == 0x7f || c == '\\'; };
    auto wrong = fail("'{}' is not a domain; write for example local", excerpt(text));
    if (domain.size() > kLongestDomain || std::ranges::any_of(domain, bad)) return wrong;
    for (auto rest = domain;;) {
        auto dot = rest.find('.');
        auto size = std::min(dot, rest.size());
        if (size == 0 || size > kLongestLabel) return wrong;
        if (dot == rest.npos) break;
        rest.remove_prefix(dot + 1);
    }
    return std::string(domain);
}

}  // namespace weir::discovery
