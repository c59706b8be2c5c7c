// Addresses as values: an IPv4 or IPv6 address, a port, an address with a port, a prefix, a MAC.
// Parsed once at the edge; what exists is valid. Byte order: bytes() is network order, Port::value() is host
// order.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::net {

enum class Family : uint8_t { v4, v6 };

/// Of an address: 32 or 128.
constexpr uint8_t bits(Family family) {
    return family == Family::v4 ? 32 : 128;
}

class Ip {
  public:
    /// 0.0.0.0.
    Ip() = default;
    /// Dotted quad or RFC 4291 text; no zone, no brackets.
    static Result<Ip> parse(std::string_view text);
    static Ip v4(std::array<uint8_t, 4> bytes);
    static Ip v6(std::array<uint8_t, 16> bytes);

    Family family() const { return family_; }
    bool is_v4() const { return family_ == Family::v4; }
    /// 4 or 16 bytes, network order.
    std::span<const uint8_t> bytes() const { return {bytes_.data(), is_v4() ? size_t{4} : size_t{16}}; }
    bool is_loopback() const;
    bool is_unspecified() const;
    bool is_multicast() const;
    bool is_link_local() const;
    /// RFC 5952 text.
    std::string text() const;

    auto operator<=>(const Ip&) const = default;

  private:
    Family family_ = Family::v4;
    std::array<uint8_t, 16> bytes_{};  // of an IPv4 address the first four, the others zero
};

class Port {
  public:
    /// 1 … 65535 in decimal.
    static Result<Port> parse(std::string_view text);
    constexpr explicit Port(uint16_t host_order) : value_(host_order) {}
    constexpr uint16_t value() const { return value_; }
    auto operator<=>(const Port&) const = default;

  private:
    uint16_t value_;
};

struct Endpoint {
    Ip address;
    Port port{1};

    /// `192.0.2.1:80` or `[2001:db8::1]:80`.
    static Result<Endpoint> parse(std::string_view text);
    std::string text() const;
    auto operator<=>(const Endpoint&) const = default;
};

/// `address/length`; bits behind the length must be zero.
struct Prefix {
    Ip address;
    uint8_t length = 0;

    static Result<Prefix> parse(std::string_view text);
    bool contains(const Ip& ip) const;
    std::string text() const;
    auto operator<=>(const Prefix&) const = default;
};

/// The prefix of one address alone.
inline Prefix only(const Ip& ip) {
    return {ip, bits(ip.family())};
}
/// How many bits the prefix leaves open.
inline uint8_t free_bits(const Prefix& prefix) {
    return static_cast<uint8_t>(bits(prefix.address.family()) - prefix.length);
}

struct Mac {
    std::array<uint8_t, 6> bytes{};

    static Result<Mac> parse(std::string_view text);
    std::string text() const;
    auto operator<=>(const Mac&) const = default;
};

/// The socket address of an endpoint, and back.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
SocketAddress to_socket_address(const Endpoint& endpoint);
Result<Endpoint> from_socket_address(const sockaddr_storage& storage);

}  // namespace weir::net
