#include "proto/sp_wire.h"

#include <algorithm>
#include <cstring>

namespace weir::proto::sp {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr char kInline = 1;  // of ipc: the message follows

size_t head_size(Transport transport) {
    return kLengthBytes + (transport == Transport::ipc ? 1 : 0);
}

Role other(Role role) {
    return role == Role::push ? Role::pull : Role::push;
}

std::string_view name(Role role) {
    return role == Role::push ? "PUSH" : "PULL";
}

uint64_t read_length(const char* bytes) {
    uint64_t length = 0;
    for (size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
    return length;
}

}  // namespace

Greeting greeting_of(Role self) {
    return {0, 'S', 'P', 0, 0, static_cast<uint8_t>(self), 0, 0};
}

Status check_greeting(const Greeting& got, Role self) {
    const auto wanted = greeting_of(other(self));
    if (got == wanted) return {};
    if (!std::equal(wanted.begin(), wanted.begin() + 4, got.begin()))
        return fail(
            "the other side does not speak the Scalability Protocols, version 0; look who listens there");
    return fail("the other side speaks protocol {}, and not {} ({})", got[4] << 8 | got[5], name(other(self)),
                static_cast<int>(other(self)));
}

std::string frame_of(Transport transport, std::string_view message) {
    std::string frame;
    frame.reserve(head_size(transport) + message.size());
    if (transport == Transport::ipc) frame += kInline;
    for (size_t i = kLengthBytes; i-- > 0;) frame += static_cast<char>(uint64_t{message.size()} >> (8 * i));
    return frame.append(message);
}

std::span<char> Frames::room() {
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, size_);
        begin_ = 0;
    }
    return std::span(buffer_).subspan(size_);
}

Result<std::optional<std::string>> Frames::next() {
    const auto head = head_size(transport_);
    if (size_ < head) return std::nullopt;
    const char* at = buffer_.data() + begin_;
    if (transport_ == Transport::ipc && *at != kInline)
        return fail("a frame begins with {}, and not with {}", static_cast<uint8_t>(*at), int{kInline});
    const auto length = read_length(at + head - kLengthBytes);
    if (length > kLongestToken) return fail("a message of {} bytes is no token", length);
    if (size_ < head + length) return std::nullopt;
    std::string message(at + head, length);
    begin_ += head + length;
    size_ -= head + length;
    return message;
}

}  // namespace weir::proto::sp
