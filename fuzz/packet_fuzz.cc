// Any bytes as a frame: never a crash; what is read lies inside the frame, and a frame built from it reads
// the same.
#include <cstdlib>

#include "net/packet.h"

namespace {

using namespace weir::net;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const ParsedFrame& parsed, std::span<const uint8_t> frame) {
    require(parsed.payload.data() >= frame.data());
    require(parsed.payload.data() + parsed.payload.size() <= frame.data() + frame.size());
    PacketSpec spec{.source_mac = parsed.source_mac,
                    .destination_mac = parsed.destination_mac,
                    .vlan = parsed.vlan,
                    .source = parsed.source,
                    .destination = parsed.destination,
                    .protocol = parsed.protocol,
                    .ttl = parsed.ttl,
                    .tcp_flags = parsed.tcp_flags,
                    .sequence = parsed.sequence,
                    .acknowledgement = parsed.acknowledgement,
                    .payload = parsed.payload.size()};
    auto built = build_frame(spec);
    auto again = parse_frame(built);
    require(again && again->checksums_right);
    require(again->source == parsed.source && again->destination == parsed.destination);
    require(again->source_mac == parsed.source_mac && again->destination_mac == parsed.destination_mac);
    require(again->vlan == parsed.vlan && again->protocol == parsed.protocol && again->ttl == parsed.ttl);
    require(again->tcp_flags == parsed.tcp_flags && again->sequence == parsed.sequence);
    require(again->payload.size() == parsed.payload.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (auto parsed = parse_frame({data, size}))
        check(*parsed, {data, size});
    else
        require(!parsed.error().message.empty());
    return 0;
}
