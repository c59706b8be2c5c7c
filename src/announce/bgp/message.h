// Messages as a whole: the header that frames them, and those that have no body of note. RFC 4271 section 4.1
// and 6.1, 2918 and 7313 (route refresh). Pure.
#pragma once

#include <variant>

#include "announce/bgp/open.h"
#include "announce/bgp/received.h"

namespace weir::announce::bgp {

struct Keepalive {
    bool operator==(const Keepalive&) const = default;
};

struct Refresh {
    enum class Kind : uint8_t { request = 0, begin = 1, end = 2 };  // RFC 7313

    std::optional<net::Family> family{};  // none: one that weir does not have
    uint8_t kind = 0;                     // a Kind, or one that is to be ignored

    bool operator==(const Refresh&) const = default;
};

using Message = std::variant<Open, Received, Notification, Keepalive, Refresh>;
Type type_of(const Message& message);

struct Header {
    Type type = Type::keepalive;
    uint16_t length = kHeaderSize;  // of the whole message

    bool operator==(const Header&) const = default;
};

/// The length is one that the type can have.
Decoded<Header> read_header(std::span<const uint8_t, kHeaderSize> bytes);

/// `message`: a whole one, as long as its header says.
Decoded<Message> read_message(std::span<const uint8_t> message, const Dialect& dialect);

Bytes framed(Type type, std::span<const uint8_t> body);
Bytes keepalive();
Bytes refresh(net::Family family, Refresh::Kind kind);

}  // namespace weir::announce::bgp
