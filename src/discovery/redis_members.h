// What stands in a key of Redis, as a set of backends: see "redis" in doc/discovery.md. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "discovery/redis_protocol.h"
#include "discovery/source.h"

namespace weir::discovery {

/// The types of keys that hold backends.
enum class RedisType : uint8_t { none, set, sorted_set, hash };

/// Of what TYPE answers. `none`: there is no such key.
Result<RedisType> redis_type(const RedisReply& reply, std::string_view key);

/// The command that reads all of a key of the type; not of `none`.
std::vector<std::string_view> redis_read_command(RedisType type, std::string_view key);

/// Of what that command answers: SMEMBERS, ZRANGE … WITHSCORES or HGETALL.
Result<Set> read_redis_members(RedisType type, const RedisReply& reply, std::string_view key);

}  // namespace weir::discovery
