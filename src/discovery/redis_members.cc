#include "discovery/redis_members.h"

#include <charconv>
#include <cmath>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

std::optional<double> read_double(std::string_view text) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// `what` it stands as, for messages.
Result<uint32_t> read_weight(std::string_view text, std::string_view what) {
    auto number = read_double(text);
    if (!number || !(*number >= 0) || *number > kMostWeight || *number != std::floor(*number))
        return fail("its {} '{}' is no weight: a whole number from 0 to {}", what, excerpt(text),
                    kMostWeight);
    return static_cast<uint32_t>(*number);
}

Result<Found> with_weight(Result<Found> found, std::string_view weight, std::string_view what) {
    if (!found) return found;
    auto number = read_weight(weight, what);
    if (!number) return propagate(number);
    found->weight = *number;
    return found;
}

/// A hash's field is an address and its value the weight, or the field is a name and the value a backend.
Result<Found> read_field(std::string_view field, std::string_view value) {
    if (value.empty()) return read_value(field);
    if (read_double(value)) return with_weight(read_value(field), value, "value");
    return read_value(value);
}

}  // namespace

Result<RedisType> redis_type(const RedisReply& reply, std::string_view key) {
    if (reply.text == "none") return RedisType::none;
    if (reply.text == "set") return RedisType::set;
    if (reply.text == "zset") return RedisType::sorted_set;
    if (reply.text == "hash") return RedisType::hash;
    return fail("the key '{}' is of the type '{}'; make it a set, a sorted set or a hash", excerpt(key),
                excerpt(reply.text));
}

std::vector<std::string_view> redis_read_command(RedisType type, std::string_view key) {
    if (type == RedisType::sorted_set) return {"ZRANGE", key, "0", "-1", "WITHSCORES"};
    return {type == RedisType::hash ? "HGETALL" : "SMEMBERS", key};
}

Result<Set> read_redis_members(RedisType type, const RedisReply& reply, std::string_view key) {
    const size_t step = type == RedisType::set ? 1 : 2;
    const auto& items = reply.items;
    if (reply.kind != RedisReply::Kind::list || items.size() % step != 0)
        return fail("the key '{}' is answered for by something that is no list of members", excerpt(key));
    Set set;
    for (size_t i = 0; i < items.size(); i += step) {
        const auto& member = items[i].text;
        auto where = fmt::format("key '{}', '{}'", excerpt(key), excerpt(member));
        if (type == RedisType::hash)
            take(read_field(member, items[i + 1].text), where, set);
        else if (type == RedisType::sorted_set)
            take(with_weight(read_value(member), items[i + 1].text, "score"), where, set);
        else
            take(read_value(member), where, set);
    }
    return set;
}

}  // namespace weir::discovery
