// Reading netlink attributes: the pieces that decoders of every family share. A value of another size than it
// should have is nothing.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "net/ip.h"

namespace weir::net {

inline std::span<const uint8_t> payload(const nlattr* attribute) {
    return {static_cast<const uint8_t*>(nla_data(attribute)), static_cast<size_t>(nla_len(attribute))};
}

inline int family_of(const Ip& address) {
    return address.is_v4() ? AF_INET : AF_INET6;
}

inline std::optional<Ip> to_ip(int family, std::span<const uint8_t> bytes) {
    if (family == AF_INET && bytes.size() == 4) {
        std::array<uint8_t, 4> four{};
        std::ranges::copy(bytes, four.begin());
        return Ip::v4(four);
    }
    if (family == AF_INET6 && bytes.size() == 16) {
        std::array<uint8_t, 16> sixteen{};
        std::ranges::copy(bytes, sixteen.begin());
        return Ip::v6(sixteen);
    }
    return std::nullopt;
}

template <class Number = uint32_t>
std::optional<Number> to_number(const nlattr* attribute) {
    Number number{};
    if (!attribute || nla_len(attribute) < static_cast<int>(sizeof number)) return std::nullopt;
    std::memcpy(&number, nla_data(attribute), sizeof number);
    return number;
}

inline std::string to_text(const nlattr* attribute) {
    if (!attribute) return "";
    auto* first = static_cast<const char*>(nla_data(attribute));
    return {first, strnlen(first, static_cast<size_t>(nla_len(attribute)))};
}

/// The attributes inside one, by number; none where there is none.
template <int Max>
std::array<nlattr*, Max + 1> inside(nlattr* attribute) {
    std::array<nlattr*, Max + 1> out{};
    if (attribute && nla_parse_nested(out.data(), Max, attribute, nullptr) < 0) out.fill(nullptr);
    return out;
}

/// A message's fixed header and its attributes by number.
template <class FamilyHeader, int Max>
struct Parts {
    const FamilyHeader* header = nullptr;
    std::array<nlattr*, Max + 1> attribute{};

    bool parse(const nlmsghdr& message) {
        auto* raw = const_cast<nlmsghdr*>(&message);
        if (nlmsg_parse(raw, sizeof(FamilyHeader), attribute.data(), Max, nullptr) < 0) return false;
        header = static_cast<const FamilyHeader*>(nlmsg_data(raw));
        return true;
    }
};

}  // namespace weir::net
