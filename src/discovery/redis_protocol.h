// Redis's protocol (RESP2) by hiredis: commands as bytes, and replies out of bytes as they come. The version
// of hiredis that Debian 12 has knows no TLS and no time limits for its asynchronous connections, so only its
// reader and its writer are used; the connection is Asio's. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct redisReader;

namespace weir::discovery {

struct RedisReply {
    enum class Kind : uint8_t { nil, text, number, list, error };

    Kind kind = Kind::nil;
    std::string text{};  // of an error, too
    int64_t number = 0;
    std::vector<RedisReply> items{};

    bool is_error() const { return kind == Kind::error; }
    bool operator==(const RedisReply&) const = default;
};

std::string redis_command(std::span<const std::string_view> words);

class RedisReader {
  public:
    RedisReader();
    RedisReader(const RedisReader&) = delete;

    /// The next bytes. Fails, now and in next(), once they are no replies or one is too large.
    Status feed(std::string_view bytes);
    /// A reply that is whole; nothing while there is none.
    Result<std::optional<RedisReply>> next();

    static constexpr size_t kMostBytes = 16 << 20;   // of a reply
    static constexpr size_t kMostItems = 256 << 10;  // of its lists together

  private:
    struct End {
        void operator()(redisReader* reader) const;
    };

    std::unique_ptr<redisReader, End> reader_;
    size_t unread_ = 0;  // bytes since the last whole reply
    size_t items_ = 0;   // since then, that lists have announced
};

}  // namespace weir::discovery
