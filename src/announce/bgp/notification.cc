#include "announce/bgp/notification.h"

#include <fmt/format.h>

#include <algorithm>

#include "announce/bgp/message.h"
#include "net/reader.h"

namespace weir::announce::bgp {
namespace {

/// RFC 9003: one byte says how long the text is.
constexpr size_t kMostText = 255;

struct Name {
    ErrorCode code;
    uint8_t subcode;
    std::string_view text;
    std::string_view advice{};
};

constexpr Name kNames[] = {
    {ErrorCode::header, header_error::kNotSynchronized, "connection not synchronized"},
    {ErrorCode::header, header_error::kBadLength, "bad message length"},
    {ErrorCode::header, header_error::kBadType, "bad message type"},
    {ErrorCode::open, open_error::kVersion, "unsupported version number"},
    {ErrorCode::open, open_error::kPeerAs, "bad peer AS",
     "see which AS number it expects of this router, and what 'bgp: asn:' says"},
    {ErrorCode::open, open_error::kIdentifier, "bad BGP identifier",
     "two routers may have the same 'bgp: router_id:'"},
    {ErrorCode::open, open_error::kParameter, "unsupported optional parameter"},
    {ErrorCode::open, open_error::kHoldTime, "unacceptable hold time",
     "set a 'hold_time:' that the peer takes"},
    {ErrorCode::open, open_error::kCapability, "unsupported capability",
     "see which address families the peer has for this router"},
    {ErrorCode::update, update_error::kMalformedList, "malformed attribute list"},
    {ErrorCode::update, update_error::kUnknownWellKnown, "unrecognized well-known attribute"},
    {ErrorCode::update, 3, "missing well-known attribute"},
    {ErrorCode::update, 4, "attribute flags error"},
    {ErrorCode::update, 5, "attribute length error"},
    {ErrorCode::update, 6, "invalid ORIGIN"},
    {ErrorCode::update, 8, "invalid NEXT_HOP"},
    {ErrorCode::update, update_error::kOptionalAttribute, "optional attribute error"},
    {ErrorCode::update, update_error::kNetwork, "invalid network field"},
    {ErrorCode::update, 11, "malformed AS_PATH"},
    {ErrorCode::state_machine, 1, "unexpected message in OpenSent"},
    {ErrorCode::state_machine, 2, "unexpected message in OpenConfirm"},
    {ErrorCode::state_machine, 3, "unexpected message in Established"},
    {ErrorCode::cease, 1, "maximum number of prefixes reached",
     "raise the peer's limit, or announce fewer by 'export:'"},
    {ErrorCode::cease, cease::kShutdown, "administrative shutdown"},
    {ErrorCode::cease, cease::kDeconfigured, "peer de-configured",
     "the peer has no configuration for this router any more"},
    {ErrorCode::cease, cease::kReset, "administrative reset"},
    {ErrorCode::cease, cease::kRejected, "connection rejected",
     "see whether the peer is configured to talk to this router's address"},
    {ErrorCode::cease, cease::kConfigurationChange, "other configuration change"},
    {ErrorCode::cease, cease::kCollision, "connection collision resolution"},
    {ErrorCode::cease, 8, "out of resources"},
    {ErrorCode::cease, 9, "hard reset"},
    {ErrorCode::cease, cease::kBfdDown, "BFD down",
     "the path between the two was gone; see BFD in `weir bgp`"},
    {ErrorCode::route_refresh, 1, "invalid message length"},
};

const Name* name_of(const Notification& notification) {
    auto found = std::ranges::find_if(kNames, [&](const Name& each) {
        return each.code == notification.code && each.subcode == notification.subcode;
    });
    return found == std::end(kNames) ? nullptr : found;
}

std::string_view name_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::header:
            return "message header error";
        case ErrorCode::open:
            return "OPEN error";
        case ErrorCode::update:
            return "UPDATE error";
        case ErrorCode::hold_timer:
            return "hold timer expired";
        case ErrorCode::state_machine:
            return "state machine error";
        case ErrorCode::cease:
            return "cease";
        case ErrorCode::route_refresh:
            return "ROUTE-REFRESH error";
        case ErrorCode::send_hold_timer:
            return "send hold timer expired";
    }
    return {};
}

bool has_text(const Notification& notification) {
    return notification.code == ErrorCode::cease &&
           (notification.subcode == cease::kShutdown || notification.subcode == cease::kReset);
}

/// Nobody's terminal is to obey a peer: what is neither printable nor part of UTF-8 becomes a '?'.
std::string text_of(const Notification& notification) {
    net::Reader data(notification.data);
    auto bytes = data.take(data.u8());
    std::string text(bytes.begin(), bytes.end());
    auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::ranges::replace_if(text, control, '?');
    return text;
}

}  // namespace

Notification cease_with_text(uint8_t subcode, std::string_view text) {
    auto length = std::min(text.size(), kMostText);
    // Not in the middle of a character.
    while (length > 0 && length < text.size() && (text[length] & 0xc0) == 0x80) --length;
    Notification notification{ErrorCode::cease, subcode};
    if (length == 0) return notification;
    notification.data.resize(1 + length);
    notification.data[0] = static_cast<uint8_t>(length);
    std::ranges::copy(text.substr(0, length), notification.data.begin() + 1);
    return notification;
}

std::string describe(const Notification& notification) {
    auto code = name_of(notification.code);
    std::string words =
        code.empty() ? fmt::format("error {}", static_cast<int>(notification.code)) : std::string(code);
    if (const Name* name = name_of(notification))
        words += fmt::format(", {}", name->text);
    else if (notification.subcode != 0)
        words += fmt::format(", subcode {}", notification.subcode);
    if (!has_text(notification)) return words;
    auto text = text_of(notification);
    return text.empty() ? words : fmt::format("{}: \"{}\"", words, text);
}

std::string_view advice(const Notification& received) {
    const Name* name = name_of(received);
    return name ? name->advice : std::string_view();
}

Bytes write(const Notification& notification) {
    constexpr size_t kMost = kMostMessage - kHeaderSize - 2;
    Bytes body{static_cast<uint8_t>(notification.code), notification.subcode};
    auto data = std::span(notification.data).first(std::min(notification.data.size(), kMost));
    body.insert(body.end(), data.begin(), data.end());
    return framed(Type::notification, body);
}

Notification read_notification(std::span<const uint8_t> body) {
    net::Reader cursor(body);
    Notification notification;
    notification.code = static_cast<ErrorCode>(cursor.u8());
    notification.subcode = cursor.u8();
    auto data = cursor.rest();
    notification.data.assign(data.begin(), data.end());
    return notification;
}

}  // namespace weir::announce::bgp
