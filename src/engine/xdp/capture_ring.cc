#include "engine/xdp/capture_ring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <bit>

#include "engine/xdp/target_row.h"

namespace weir::engine::xdp {
namespace {

static_assert(kShortestSnap == WEIR_SNAP_LEAST && kLongestSnap == WEIR_SNAP_MOST);

net::Ip mask_of(const net::Prefix& prefix) {
    std::array<uint8_t, 16> bytes{};
    for (size_t bit = 0; bit < prefix.length; bit++) bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
    return prefix.address.is_v4() ? net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]})
                                  : net::Ip::v6(bytes);
}

weir_capture to_abi(const CaptureFilter& filter) {
    weir_capture row{};
    row.by_service = filter.service.has_value();
    row.snaplen = filter.snaplen;
    if (!filter.client) return row;
    row.family = filter.client->address.is_v4() ? WEIR_V4 : WEIR_V6;
    row.client = xdp::to_abi(filter.client->address);
    row.client_mask = xdp::to_abi(mask_of(*filter.client));
    return row;
}

}  // namespace

void CaptureRing::Free::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

Result<std::unique_ptr<CaptureRing>> CaptureRing::open(const Datapath& datapath, const CaptureFilter& filter,
                                                       Sink sink) {
    auto programs = datapath.through(WEIR_CAPTURING);
    if (!programs) return propagate(programs);
    std::unique_ptr<CaptureRing> ring(new CaptureRing(**programs, std::move(sink)));
    auto tell = [](void* to, void* record, size_t) {
        static_cast<CaptureRing*>(to)->sink_(*static_cast<const weir_captured*>(record));
        return 0;
    };
    ring->ring_.reset(ring_buffer__new((*programs)->capture_ring(), tell, ring.get(), nullptr));
    if (!ring->ring_) return fail_with(errno, "cannot read the ring of captured packets");
    (*programs)->capture() = to_abi(filter);
    return ring;
}

Status CaptureRing::choose(uint32_t half, std::span<const uint32_t> frontends) {
    int chosen = programs_.chosen_frontends();
    std::vector<uint32_t> former;
    uint32_t key = 0;
    for (int error = bpf_map_get_next_key(chosen, nullptr, &key); !error;
         error = bpf_map_get_next_key(chosen, &key, &key))
        if (key >> 31 == half) former.push_back(key);
    for (uint32_t one : former) bpf_map_delete_elem(chosen, &one);
    for (uint32_t frontend : frontends) {
        uint8_t one = 1;
        key = WEIR_CHOSEN(half, frontend);
        if (int error = bpf_map_update_elem(chosen, &key, &one, BPF_ANY))
            return fail_with(error, "cannot choose what is captured");
    }
    return {};
}

void CaptureRing::read() {
    ring_buffer__consume(ring_.get());
}

}  // namespace weir::engine::xdp
