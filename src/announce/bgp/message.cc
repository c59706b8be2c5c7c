#include "announce/bgp/message.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/reader.h"
#include "net/writer.h"

namespace weir::announce::bgp {
namespace {

constexpr uint8_t kMarker = 0xff;
constexpr size_t kRefreshBody = 4;

/// Of the whole message, at least.
size_t least_length(Type type) {
    switch (type) {
        case Type::open:
            return kHeaderSize + 10;
        case Type::update:
            return kHeaderSize + 4;
        case Type::notification:
            return kHeaderSize + 2;
        case Type::keepalive:
        case Type::route_refresh:  // RFC 7313 has an error of its own for it
            return kHeaderSize;
    }
    return 0;
}

Decoded<Message> read_refresh(std::span<const uint8_t> message) {
    auto body = message.subspan(kHeaderSize);
    if (body.size() != kRefreshBody)
        return refuse(ErrorCode::route_refresh, 1,
                      fmt::format("its ROUTE-REFRESH has {} bytes of body instead of 4", body.size()),
                      {message.begin(), message.end()});
    net::Reader cursor(body);
    auto number = cursor.u16();
    Refresh refresh;
    refresh.kind = cursor.u8();
    refresh.family = family_of(number, cursor.u8());
    return refresh;
}

}  // namespace

Type type_of(const Message& message) {
    constexpr Type kTypes[] = {Type::open, Type::update, Type::notification, Type::keepalive,
                               Type::route_refresh};
    return kTypes[message.index()];
}

Decoded<Header> read_header(std::span<const uint8_t, kHeaderSize> bytes) {
    net::Reader cursor(bytes);
    if (std::ranges::any_of(cursor.take(kMarkerSize), [](uint8_t byte) { return byte != kMarker; }))
        return refuse(ErrorCode::header, header_error::kNotSynchronized,
                      "what it sends does not begin as a BGP message");
    Header header;
    header.length = cursor.u16();
    auto type = cursor.u8();
    header.type = static_cast<Type>(type);
    auto least = least_length(header.type);
    if (least == 0)
        return refuse(ErrorCode::header, header_error::kBadType,
                      fmt::format("it sends a message of the unknown type {}", type), {type});
    bool wrong = header.length < least || header.length > kMostMessage ||
                 (header.type == Type::keepalive && header.length != kHeaderSize);
    if (wrong)
        return refuse(ErrorCode::header, header_error::kBadLength,
                      fmt::format("it sends a message of type {} that is {} bytes long", type, header.length),
                      {static_cast<uint8_t>(header.length >> 8), static_cast<uint8_t>(header.length)});
    return header;
}

Decoded<Message> read_message(std::span<const uint8_t> message, const Dialect& dialect) {
    auto header = read_header(message.first<kHeaderSize>());
    if (!header) return std::unexpected(header.error());
    auto body = message.subspan(kHeaderSize);
    switch (header->type) {
        case Type::open:
            return read_open(body);
        case Type::update:
            return read_update(body, dialect);
        case Type::notification:
            return read_notification(body);
        case Type::route_refresh:
            return read_refresh(message);
        case Type::keepalive:
            break;
    }
    return Keepalive{};
}

Bytes framed(Type type, std::span<const uint8_t> body) {
    Bytes message(kMarkerSize, kMarker);
    net::Writer rest;
    rest.u16(static_cast<unsigned>(kHeaderSize + body.size())).u8(static_cast<uint8_t>(type)).bytes(body);
    auto tail = rest.take();
    message.insert(message.end(), tail.begin(), tail.end());
    return message;
}

Bytes keepalive() {
    return framed(Type::keepalive, {});
}

Bytes refresh(net::Family family, Refresh::Kind kind) {
    return framed(Type::route_refresh,
                  net::Writer().u16(afi(family)).u8(static_cast<uint8_t>(kind)).u8(kUnicast).take());
}

}  // namespace weir::announce::bgp
