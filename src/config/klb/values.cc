#include "config/klb/values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "config/reader.h"
#include "config/sections.h"

namespace weir::config::klb {
namespace {

struct KernelScheduler {
    std::string_view name;
    bool weights;
};

// net/netfilter/ipvs of Linux 6.
constexpr KernelScheduler kSchedulers[] = {
    {"rr", false},   {"wrr", true}, {"lc", false},  {"wlc", true}, {"lblc", true},
    {"lblcr", true}, {"dh", false}, {"sh", true},   {"sed", true}, {"nq", true},
    {"fo", true},    {"ovf", true}, {"twos", true}, {"mh", true},
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct HostPort {
    std::string host;
    std::string port;
};

/// `HOST:PORT` or `[HOST]:PORT`.
Result<HostPort> split(std::string_view text) {
    const size_t bracket = text.starts_with('[') ? 1 : 0;
    const auto host = text.substr(bracket, text.find(bracket ? ']' : ':') - bracket);
    auto rest = text.substr(std::min(text.size(), host.size() + 2 * bracket));
    if (!rest.starts_with(':') || rest.size() == 1)
        return fail("'{}' has no port; write ADDRESS:PORT, such as 192.0.2.1:80", text);
    rest.remove_prefix(1);
    if (rest.contains(':') || host.contains(':'))
        return fail("'{}' is not IPv4, which klb needs; write ADDRESS:PORT, such as 192.0.2.1:80", text);
    return HostPort{std::string(host), std::string(rest)};
}

/// As getaddrinfo(3) reads numbers, without its taking 65616 for 80.
Result<net::Port> read_port(const std::string& text, const Surroundings& outside) {
    unsigned number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end == text.data() + text.size() && error == std::errc{} && number >= 1 && number <= 65535)
        return net::Port(static_cast<uint16_t>(number));
    auto known = is_digit(text.front()) ? std::nullopt : outside.port(text);
    if (!known) return fail("'{}' is not a port; write a number from 1 to 65535", text);
    return *known;
}

Result<net::Ip> read_address(const std::string& text) {
    auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '.'; };
    in_addr address{};
    if (!std::ranges::all_of(text, allowed) || ::inet_aton(text.c_str(), &address) == 0)
        return fail("'{}' is not an IPv4 address; write one such as 192.0.2.1", text);
    std::array<uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &address, bytes.size());
    return net::Ip::v4(bytes);
}

constexpr size_t kLongestName = 15;

Result<std::string> read_service_name(std::string_view name) {
    auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '-'; };
    const bool bad_hyphen = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    if (name.empty() || name.size() > kLongestName || bad_hyphen || !std::ranges::all_of(name, allowed) ||
        std::ranges::none_of(name, is_letter))
        return fail(
            "'{}' is not the name of a Zeroconf service; write 1 to {} letters, digits and '-', such as http",
            name, kLongestName);
    return std::string(name);
}

}  // namespace

Result<net::Endpoint> read_bind(std::string_view text, const Surroundings& outside) {
    auto parts = split(text);
    if (!parts) return propagate(parts);
    auto address = read_address(parts->host);
    if (!address) return propagate(address);
    if (auto unicast = read_unicast(address->text()); !unicast) return propagate(unicast);
    auto port = read_port(parts->port, outside);
    if (!port) return propagate(port);
    return net::Endpoint{*address, *port};
}

Result<std::string> read_service_type(std::string_view text) {
    if (!text.starts_with('_') || !text.contains('.')) {
        auto name = read_service_name(text);
        if (!name) return name;
        return fmt::format("_{}._tcp", *name);
    }
    const auto dot = text.find('.');
    const auto protocol = text.substr(dot);
    if (protocol != "._tcp" && protocol != "._udp")
        return fail("'{}' ends neither with ._tcp nor with ._udp; write it as in _http._tcp", text);
    auto name = read_service_name(text.substr(1, dot - 1));
    if (!name) return name;
    return std::string(text);
}

Result<std::string> read_scheduler(std::string_view text) {
    std::vector<std::string_view> known;
    for (const auto& each : kSchedulers) known.push_back(each.name);
    if (std::ranges::find(known, text) != known.end()) return std::string(text);
    return fail("unknown scheduler '{}'; {}", text,
                suggest(text, known, fmt::format("Linux has {}", fmt::join(known, ", "))));
}

Result<std::string> read_domain(std::string_view text) {
    auto wrong = [&] {
        return fail("'{}' is not a domain; write one such as local or dc1.example.org", text);
    };
    if (text.size() > 255) return wrong();
    for (auto rest = text; !rest.empty();) {
        const auto label = rest.substr(0, rest.find('.'));
        rest.remove_prefix(std::min(label.size() + 1, rest.size()));
        auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; };
        if (label.empty() || label.size() > 63 || !std::ranges::all_of(label, allowed)) return wrong();
    }
    return std::string(text);
}

bool uses_weights(std::string_view scheduler) {
    auto found = std::ranges::find(kSchedulers, scheduler, &KernelScheduler::name);
    return found != std::end(kSchedulers) && found->weights;
}

}  // namespace weir::config::klb
