#include "net/ip.h"

#include <arpa/inet.h>
#include <fmt/ranges.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace weir::net {
namespace {

/// A whole decimal number no greater than `most`.
std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
    unsigned value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

}  // namespace

Result<Ip> Ip::parse(std::string_view text) {
    std::string terminated(text);
    bool ends_there = text.find('\0') == text.npos;
    std::array<uint8_t, 4> four{};
    if (ends_there && inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
    std::array<uint8_t, 16> sixteen{};
    if (ends_there && inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1) return v6(sixteen);
    return fail("'{}' is not an IP address; write one such as 192.0.2.1 or 2001:db8::1", text);
}

Ip Ip::v4(std::array<uint8_t, 4> bytes) {
    Ip ip;
    std::ranges::copy(bytes, ip.bytes_.begin());
    return ip;
}

Ip Ip::v6(std::array<uint8_t, 16> bytes) {
    Ip ip;
    ip.family_ = Family::v6;
    ip.bytes_ = bytes;
    return ip;
}

bool Ip::is_loopback() const {
    if (is_v4()) return bytes_[0] == 127;
    return std::ranges::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; }) &&
           bytes_[15] == 1;
}

bool Ip::is_unspecified() const {
    return std::ranges::all_of(bytes(), [](uint8_t b) { return b == 0; });
}

bool Ip::is_multicast() const {
    return is_v4() ? bytes_[0] >= 224 && bytes_[0] < 240 : bytes_[0] == 0xff;
}

bool Ip::is_link_local() const {
    return is_v4() ? bytes_[0] == 169 && bytes_[1] == 254 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

std::string Ip::text() const {
    char buffer[INET6_ADDRSTRLEN];
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
    return buffer;
}

Result<Port> Port::parse(std::string_view text) {
    auto value = parse_number(text, 65535);
    if (!value || *value == 0) return fail("'{}' is not a port; write a number from 1 to 65535", text);
    return Port(static_cast<uint16_t>(*value));
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail("'{}' has no port; write ADDRESS:PORT", text);
    auto host = text.substr(0, colon);
    bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    auto address = Ip::parse(host);
    if (!address) return propagate(address);
    if (address->is_v4() == bracketed)
        return fail("'{}' is not an endpoint; write 192.0.2.1:80 or [2001:db8::1]:80", text);
    auto port = Port::parse(text.substr(colon + 1));
    if (!port) return propagate(port);
    return Endpoint{*address, *port};
}

std::string Endpoint::text() const {
    return fmt::format(fmt::runtime(address.is_v4() ? "{}:{}" : "[{}]:{}"), address.text(), port.value());
}

Result<Prefix> Prefix::parse(std::string_view text) {
    auto slash = text.find('/');
    if (slash == std::string_view::npos) return fail("'{}' has no length; write ADDRESS/LENGTH", text);
    auto address = Ip::parse(text.substr(0, slash));
    if (!address) return propagate(address);
    auto length = parse_number(text.substr(slash + 1), address->is_v4() ? 32 : 128);
    if (!length)
        return fail("'{}' has no such length; write a number up to {}", text, address->is_v4() ? 32 : 128);
    Prefix prefix{*address, static_cast<uint8_t>(*length)};
    auto bytes = address->bytes();
    for (size_t bit = *length; bit < bytes.size() * 8; bit++)
        if (bytes[bit / 8] >> (7 - bit % 8) & 1)
            return fail("'{}' has bits set behind its length of {}; clear them or write a longer one", text,
                        *length);
    return prefix;
}

bool Prefix::contains(const Ip& ip) const {
    if (ip.family() != address.family()) return false;
    auto left = ip.bytes();
    auto right = address.bytes();
    size_t whole = length / 8;
    if (!std::equal(left.begin(), left.begin() + static_cast<long>(whole), right.begin())) return false;
    if (length % 8 == 0) return true;
    auto mask = static_cast<uint8_t>(0xff << (8 - length % 8));
    return (left[whole] & mask) == (right[whole] & mask);
}

std::string Prefix::text() const {
    return fmt::format("{}/{}", address.text(), length);
}

Result<Mac> Mac::parse(std::string_view text) {
    Mac mac;
    bool good = text.size() == 17;
    for (size_t i = 0; good && i < 6; i++) {
        auto two = text.substr(i * 3, 2);
        auto [end, error] = std::from_chars(two.data(), two.data() + 2, mac.bytes[i], 16);
        good = error == std::errc{} && end == two.data() + 2 && (i == 5 || text[i * 3 + 2] == ':');
    }
    if (!good) return fail("'{}' is not a MAC address; write one such as 02:00:00:00:00:01", text);
    return mac;
}

std::string Mac::text() const {
    return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

SocketAddress to_socket_address(const Endpoint& endpoint) {
    SocketAddress out;
    auto bytes = endpoint.address.bytes();
    if (endpoint.address.is_v4()) {
        auto* in = reinterpret_cast<sockaddr_in*>(&out.storage);
        in->sin_family = AF_INET;
        in->sin_port = htons(endpoint.port.value());
        std::memcpy(&in->sin_addr, bytes.data(), bytes.size());
        out.size = sizeof *in;
    } else {
        auto* in = reinterpret_cast<sockaddr_in6*>(&out.storage);
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(endpoint.port.value());
        std::memcpy(&in->sin6_addr, bytes.data(), bytes.size());
        out.size = sizeof *in;
    }
    return out;
}

Result<Endpoint> from_socket_address(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
        std::array<uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
        return Endpoint{Ip::v4(bytes), Port(ntohs(in.sin_port))};
    }
    if (storage.ss_family == AF_INET6) {
        const auto& in = reinterpret_cast<const sockaddr_in6&>(storage);
        std::array<uint8_t, 16> bytes{};
        std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
        return Endpoint{Ip::v6(bytes), Port(ntohs(in.sin6_port))};
    }
    return fail("a socket address of family {} is not an IP endpoint", storage.ss_family);
}

}  // namespace weir::net
