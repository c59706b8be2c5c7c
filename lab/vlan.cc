#include "lab/vlan.h"

#include <algorithm>
#include <atomic>

#include "lab/bpf/vlan_abi.h"
#include "lab/bpf_map.h"
#include "vlan.skel.h"

namespace weir::lab {
namespace {

// Both before weir's own filters: these change the destination of what leaves, which no longer tells the VLAN
// then, and know what comes only without a tag.
constexpr TcPlace kOut{BPF_TC_EGRESS, 1};
constexpr TcPlace kIn{BPF_TC_INGRESS, 1};

detail::VlanBpf open_programs() {
    detail::VlanBpf bpf(vlan_bpf::open());
    if (!bpf) give_up("cannot open the VLAN programs: {}", std::strerror(errno));
    return bpf;
}

void load(vlan_bpf& bpf) {
    errno = -vlan_bpf::load(&bpf);
    check(errno ? -1 : 0, "cannot load the VLAN programs");
}

vlan_prefix to_row(const net::Prefix& prefix) {
    vlan_prefix row{};
    row.family = prefix.address.is_v4() ? VLAN_V4 : VLAN_V6;
    row.bits = 32u + prefix.length;
    std::ranges::copy(prefix.address.bytes(), reinterpret_cast<uint8_t*>(row.word));
    return row;
}

auto read(__u64& counter) {
    return std::atomic_ref(counter).load();
}

}  // namespace

void detail::VlanDestroy::operator()(vlan_bpf* bpf) const {
    vlan_bpf::destroy(bpf);
}

VlanOptions VlanOptions::access(uint16_t id) {
    return {.vlans = {{id, {must(net::Prefix::parse("0.0.0.0/0")), must(net::Prefix::parse("::/0"))}}}};
}

Vlan::Vlan(Host& host, const std::string& ifname, const VlanOptions& options) : bpf_(open_programs()) {
    bpf_->rodata->untagged = options.untagged;
    load(*bpf_);
    for (const auto& [id, prefixes] : options.vlans) {
        put(bpf_->maps.ids, id, uint8_t{1});
        for (const net::Prefix& prefix : prefixes) put(bpf_->maps.prefixes, to_row(prefix), id);
    }
    host.offload_vlan_tags(ifname, false);
    in_.emplace(host, ifname, kIn, bpf_program__fd(bpf_->progs.pop_tag));
    out_.emplace(host, ifname, kOut, bpf_program__fd(bpf_->progs.push_tag));
}

uint64_t Vlan::sent(uint16_t id) const {
    return read(bpf_->bss->sent[id]);
}
uint64_t Vlan::received(uint16_t id) const {
    return read(bpf_->bss->received[id]);
}
uint64_t Vlan::dropped() const {
    return read(bpf_->bss->dropped);
}

TagWatch::TagWatch(Host& host, const std::string& ifname) : bpf_(open_programs()) {
    load(*bpf_);
    link_ = attach_xdp(host, ifname, bpf_program__fd(bpf_->progs.see_tag));
}

uint64_t TagWatch::seen(uint16_t id) const {
    return read(bpf_->bss->seen[id]);
}

}  // namespace weir::lab
