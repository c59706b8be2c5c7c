// The bytes of nanomsg's Scalability Protocols, as PUSH and PULL have them over TCP and unix sockets
// (doc/wire/sp.md). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::proto::sp {

/// Who speaks: the protocol's number as it stands in the greeting.
enum class Role : uint8_t { push = 80, pull = 81 };

/// What frames look like depends on it.
enum class Transport : uint8_t { tcp, ipc };

using Greeting = std::array<uint8_t, 8>;

/// What each side sends first.
Greeting greeting_of(Role self);

/// Whether it is what the other side of `self` has to say.
Status check_greeting(const Greeting& got, Role self);

constexpr size_t kLongestToken = 255;  // nobody's address is longer

/// A message with its head.
std::string frame_of(Transport transport, std::string_view message);

/// Messages out of a stream of bytes, in a buffer of a few messages' size.
class Frames {
  public:
    explicit Frames(Transport transport) : transport_(transport) {}

    /// Where the next bytes are to be put; empty while there are messages to be taken.
    std::span<char> room();
    /// How many of them were.
    void fill(size_t bytes) { size_ += bytes; }
    /// The next message that has come whole; nothing: read on. Fails where the stream is none of messages of
    /// up to kLongestToken bytes; there is no way on then.
    Result<std::optional<std::string>> next();

  private:
    static constexpr size_t kLongestHead = 9;

    Transport transport_;
    std::array<char, kLongestHead + kLongestToken> buffer_{};
    size_t begin_ = 0;
    size_t size_ = 0;  // from begin_
};

}  // namespace weir::proto::sp
