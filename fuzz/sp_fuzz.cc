// Any bytes as what comes from a queue (proto/sp_wire.h), in pieces of any size. The first byte says over
// what it comes, the second how large the pieces are.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "proto/sp_url.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir::proto::sp;
    if (size < 2) return 0;
    const auto transport = data[0] & 1 ? Transport::ipc : Transport::tcp;
    const size_t most = 1 + data[1];
    std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (auto url = Url::parse(rest)) require(Url::parse(url->text()) == *url);
    if (rest.size() >= Greeting{}.size()) {
        Greeting greeting;
        std::memcpy(greeting.data(), rest.data(), greeting.size());
        require(check_greeting(greeting, Role::pull).has_value() == (greeting == greeting_of(Role::push)));
    }

    const auto whole = rest;
    std::string again;  // as a pusher writes what was read
    Frames frames(transport);
    while (!rest.empty()) {
        auto room = frames.room();
        auto piece = std::min({most, rest.size(), room.size()});
        require(piece > 0);
        std::memcpy(room.data(), rest.data(), piece);
        frames.fill(piece);
        rest.remove_prefix(piece);
        for (;;) {
            auto message = frames.next();
            if (!message) {
                require(!message.error().message.empty());
                return 0;
            }
            if (!*message) break;
            require((*message)->size() <= kLongestToken);
            again += frame_of(transport, **message);
            require(whole.starts_with(again));
        }
    }
    return 0;
}
