// Any bytes as what a Redis server says (discovery/redis_protocol.h), in pieces of a size that the first byte
// tells; each reply is taken for the members of a key of each type.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "discovery/redis_members.h"

namespace {

using namespace weir::discovery;

void require(bool holds) {
    if (!holds) std::abort();
}

void read_as_members(const RedisReply& reply) {
    for (auto type : {RedisType::set, RedisType::sorted_set, RedisType::hash}) {
        auto set = read_redis_members(type, reply, "key");
        if (!set) continue;
        require(set->members.size() + set->refused.size() ==
                reply.items.size() / (type == RedisType::set ? 1 : 2));
        require(std::ranges::all_of(set->members, [](const Found& found) { return found.weight <= 1000; }));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    const size_t piece = data[0] + size_t{1};
    RedisReader reader;
    for (size_t at = 1; at < size; at += piece) {
        // A copy of just this size, so that a read behind its end is seen.
        const size_t length = std::min(piece, size - at);
        auto bytes = std::make_unique<char[]>(length);
        std::copy_n(data + at, length, bytes.get());
        if (!reader.feed({bytes.get(), length})) return 0;
        for (;;) {
            auto reply = reader.next();
            if (!reply) return 0;
            if (!*reply) break;
            read_as_members(**reply);
        }
    }
    return 0;
}
