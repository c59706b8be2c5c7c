// What tests of the codec share: bytes written as hex digits.
#pragma once

#include <cctype>
#include <string_view>

#include "announce/bgp/message.h"

namespace weir::announce::bgp {

/// `hex("00 0a")`; spaces are for the reader.
inline Bytes hex(std::string_view digits) {
    Bytes bytes;
    int half = -1;
    for (unsigned char c : digits) {
        if (std::isspace(c)) continue;
        int value = std::isdigit(c) ? c - '0' : std::tolower(c) - 'a' + 10;
        if (half >= 0) bytes.push_back(static_cast<uint8_t>(half << 4 | value));
        half = half >= 0 ? -1 : value;
    }
    return bytes;
}

/// With the marker in front of the length.
inline Bytes golden(std::string_view digits) {
    Bytes bytes(kMarkerSize, 0xff);
    auto rest = hex(digits);
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    return bytes;
}

inline net::Prefix prefix(std::string_view text) {
    return net::Prefix::parse(text).value();
}
inline net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

}  // namespace weir::announce::bgp
