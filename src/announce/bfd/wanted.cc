#include "announce/bfd/wanted.h"

namespace weir::announce::bfd {
namespace {

constexpr int kSentWith = 255;

bool is_multihop(const model::BgpPeer& peer, bool external) {
    if (peer.bfd->multihop) return *peer.bfd->multihop;
    const auto hops = peer.ttl_security ? peer.ttl_security : peer.multihop;
    return hops ? *hops > 1 : !external;
}

uint8_t least_ttl(const model::BgpPeer& peer, bool multihop) {
    if (!multihop) return kSentWith;  // RFC 5881 section 5
    return static_cast<uint8_t>(peer.ttl_security ? kSentWith + 1 - *peer.ttl_security : 0);
}

}  // namespace

std::vector<Wanted> wanted(const model::Bgp& bgp) {
    std::vector<Wanted> all;
    for (const auto& peer : bgp.peers) {
        if (!peer.bfd) continue;
        const bool multihop = is_multihop(peer, peer.asn != bgp.asn);
        all.push_back({peer.address,
                       peer.source,
                       multihop,
                       least_ttl(peer, multihop),
                       {peer.bfd->interval, peer.bfd->multiplier}});
    }
    return all;
}

bool same_path(const Wanted& a, const Wanted& b) {
    auto path = a;
    path.timers = b.timers;
    return path == b;
}

}  // namespace weir::announce::bfd
