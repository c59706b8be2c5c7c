// Any bytes as a BGP message (announce/bgp/message.h). The first says which type it has and what has been
// agreed on; marker and length are set, so that the bodies are reached. Without them too: that is what is
// left of the first byte's values.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "announce/bgp/message.h"
#include "announce/bgp/update.h"

namespace {

using namespace weir::announce::bgp;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const Received& received, size_t size) {
    require(received.announced + received.withdrawn <= size);
    require((received.treatment == Treatment::accept) == received.fault.empty());
    require(received.treatment != Treatment::treat_as_withdraw || received.announced == 0);
}

/// What weir would write of it says the same when it is read again.
template <class Written>
void check_again(const Written& value) {
    auto bytes = write(value);
    auto again = read_message(bytes, {});
    require(again && std::get<Written>(*again) == value);
}

void check(const Open& open) {
    require(open.asn != 0 && open.router_id != 0 && open.hold_time != 1 && open.hold_time != 2);
    // An ASN of two bytes beside a wider one in the capability is not what weir would write, and so on.
    if (open.capabilities.asn && !open.capabilities.families.empty()) check_again(open);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1 || size > kMostMessage - kHeaderSize) return 0;
    const auto choice = data[0];
    Dialect dialect{(choice & 0x10) != 0, (choice & 0x20) != 0, (choice & 0x40) != 0};

    // A copy of just this size, so that a read behind its end is seen.
    std::span body(data + 1, size - 1);
    Bytes framed_body =
        choice & 0x80 ? Bytes(body.begin(), body.end()) : framed(static_cast<Type>(choice & 0x07), body);
    if (framed_body.size() < kHeaderSize) return 0;
    auto exact = std::make_unique<uint8_t[]>(framed_body.size());
    std::ranges::copy(framed_body, exact.get());
    auto message = read_message({exact.get(), framed_body.size()}, dialect);
    if (!message) {
        require(!message.error().why.empty());
        require(!describe(message.error().notification).empty());
        require(write(message.error().notification).size() <= kMostMessage);
        return 0;
    }
    if (auto* received = std::get_if<Received>(&*message)) check(*received, body.size());
    if (auto* open = std::get_if<Open>(&*message)) check(*open);
    if (auto* notification = std::get_if<Notification>(&*message)) {
        check_again(*notification);
        for (unsigned char c : describe(*notification)) require(c >= 0x20 && c != 0x7f);
    }
    return 0;
}
