#include "engine/xdp/sizing.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <bit>

#include "engine/xdp/frontend_rows.h"
#include "engine/xdp/frontend_table.h"
#include "engine/xdp/quic_rows.h"

namespace weir::engine::xdp {
namespace {

// A frontend's row tells where its ring begins in entries; roomy() asks for more than is needed.
constexpr uint64_t kMostLines = (uint64_t{1} << 31) / WEIR_RING_LINE;

uint32_t flow_buckets_for(uint32_t flows) {
    // Eight entries a bucket at a quarter load: then hardly ever is one full.
    return std::bit_ceil(std::max(flows / 2, 64u));
}

}  // namespace

uint32_t lines_for(uint32_t entries) {
    return (entries + WEIR_RING_LINE - 1) / WEIR_RING_LINE;
}

bool uses_nat(const model::Plan& plan) {
    return std::ranges::any_of(plan.frontends, [](const auto& frontend) {
        return frontend.forward.kind == model::ForwardKind::nat;
    });
}

Result<Sizes> least_sizes(const model::Plan& plan) {
    Sizes sizes;
    size_t targets = 1;
    uint64_t lines = 0;
    uint32_t longest = 0;
    for (const auto& frontend : plan.frontends) {
        targets += frontend.targets.size();
        lines += lines_for(frontend.scheduler.table_size);
        longest = std::max(longest, lines_for(frontend.scheduler.table_size));
    }
    if (targets > WEIR_MAX_TARGETS)
        return fail(
            "{} targets (backends of each VIP and port) are more than the {} that the datapath can number",
            targets - 1, WEIR_MAX_TARGETS - 1);
    if (lines + longest > kMostLines)
        return fail(
            "the services' scheduler tables have {} entries for all VIPs and ports, more than the "
            "datapath's {}: let `size:` be smaller",
            lines * WEIR_RING_LINE, kMostLines * WEIR_RING_LINE);
    auto rows = count_frontend_rows(plan);
    if (!rows) return propagate(rows);
    sizes.frontend_slots = frontend_slots_for(*rows);
    sizes.target_slots = std::bit_ceil(static_cast<uint32_t>(targets));
    sizes.ring_lines = static_cast<uint32_t>(lines + longest);
    sizes.flow_buckets = flow_buckets_for(plan.flows.size);
    sizes.nat_flows = uses_nat(plan) ? plan.flows.size : 0;
    sizes.quic_tables = std::max<uint32_t>(static_cast<uint32_t>(count_quic_tables(plan)), 1);
    sizes.quic_servers = std::max<uint32_t>(static_cast<uint32_t>(count_servers(plan)), 1);
    return sizes;
}

bool same_sizes(const model::Plan& a, const model::Plan& b) {
    auto same = [](const model::Frontend& x, const model::Frontend& y) {
        auto id = [](const model::Target& target) -> const auto& { return target.backend.server_id; };
        return &x == &y || (x.scheduler == y.scheduler && x.quic == y.quic &&
                            std::ranges::equal(x.targets, y.targets, {}, id, id));
    };
    return model::same_targets(a, b) && a.flows == b.flows &&
           std::ranges::equal(a.frontends, b.frontends, same);
}

Result<uint64_t> memory_for(const model::Plan& plan) {
    auto sizes = least_sizes(plan);
    if (!sizes) return propagate(sizes);
    return Programs::memory(
        {.sizes = roomy(*sizes), .cpus = static_cast<uint32_t>(libbpf_num_possible_cpus())});
}

void cover(Sizes& sizes, const Sizes& other) {
    sizes.frontend_slots = std::max(sizes.frontend_slots, other.frontend_slots);
    sizes.ring_lines = std::max(sizes.ring_lines, other.ring_lines);
    sizes.quic_tables = std::max(sizes.quic_tables, other.quic_tables);
    sizes.quic_servers = std::max(sizes.quic_servers, other.quic_servers);
}

Sizes roomy(Sizes sizes) {
    sizes.frontend_slots = std::max(sizes.frontend_slots * 2, 1024u);
    sizes.target_slots = std::clamp(sizes.target_slots * 2, 1024u, WEIR_MAX_TARGETS);
    sizes.quic_servers = std::max(sizes.quic_servers * 2, 1024u);
    sizes.ring_lines += sizes.ring_lines / 4 + 8 * lines_for(model::Scheduler{}.table_size);
    return sizes;
}

}  // namespace weir::engine::xdp
