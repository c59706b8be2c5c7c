#include "engine/xdp/frontend_rows.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "engine/xdp/target_row.h"

namespace weir::engine::xdp {
namespace {

struct Block {
    uint16_t first;
    uint8_t free_bits;
};

/// A range of ports as blocks of which each is a power of two long, and begins at a multiple of its length.
std::vector<Block> blocks_of(const model::FrontendKey& key) {
    std::vector<Block> blocks;
    uint32_t at = key.port.value(), end = at + key.more_ports + 1;
    while (at < end) {
        auto bits = static_cast<uint8_t>(
            std::min(at == 0 ? 16 : std::countr_zero(at), static_cast<int>(std::bit_width(end - at)) - 1));
        blocks.push_back({static_cast<uint16_t>(at), bits});
        at += 1u << bits;
    }
    return blocks;
}

/// The mask over half of an address in memory that keeps all but its last bits.
uint64_t half_mask(int free) {
    if (free >= 64) return 0;
    auto mask = ~uint64_t{0} << std::max(free, 0);
    return __builtin_bswap64(mask);
}

weir_shape shape_of(const weir_key& key) {
    weir_shape shape{};
    shape.family = key.family;
    shape.vip_bits = key.vip_bits;
    shape.port_bits = key.port_bits;
    shape.port_mask = htons(static_cast<uint16_t>(0xffffu << key.port_bits));
    shape.protocol_mask = key.protocol ? 0xff : 0;
    if (key.family == WEIR_V4) {
        shape.vip_mask[0] = htonl(static_cast<uint32_t>(~uint64_t{0} << key.vip_bits));
    } else {
        shape.vip_mask[0] = half_mask(key.vip_bits - 64);
        shape.vip_mask[1] = half_mask(key.vip_bits);
    }
    return shape;
}

auto rank(const weir_shape& shape) {
    return std::tuple(shape.family, shape.vip_bits, shape.protocol_mask == 0, shape.port_bits);
}

/// Whether a packet that no row has exactly may still be this one's. A single VIP's own row is no such one,
/// unless a service takes every port and protocol.
bool is_wildcard(const weir_frontend& row) {
    bool own = row.key.port_bits == 16 && row.key.protocol == 0;
    return row.key.vip_bits != 0 || (row.key.port_bits != 0 && (!own || row.number != 0));
}

uint8_t free_source_bits(const model::Sticky& sticky, net::Family family) {
    return static_cast<uint8_t>(net::bits(family) - (family == net::Family::v4 ? sticky.v4 : sticky.v6));
}

/// A VIP's own row; its `key` is made whole by add().
weir_key own_key(const model::FrontendKey& frontend) {
    auto key = to_abi(frontend);
    key.port = 0;
    key.protocol = 0;
    key.port_bits = 16;
    return key;
}

bool less(const weir_key& a, const weir_key& b) {
    auto order = [](const weir_key& key) {
        return std::tuple(key.vip.half[0], key.vip.half[1], key.port, key.protocol, key.family, key.vip_bits,
                          key.port_bits);
    };
    return order(a) < order(b);
}

}  // namespace

FrontendRows frontend_rows(const model::Plan& plan, const FlowSecrets& secrets) {
    FrontendRows out;
    std::map<weir_key, weir_frontend, decltype(&less)> rows(less);
    for (size_t i = 0; i < plan.frontends.size(); i++) {
        const auto& frontend = plan.frontends[i];
        weir_frontend row{};
        row.number = static_cast<uint32_t>(i) + 1;
        // One for all blocks of a range: its flows are one service's.
        auto key = to_abi(frontend.key);
        row.flow_key = weir_places(&key, secrets.present);
        row.former_flow_key = secrets.former ? weir_places(&key, secrets.former) : 0;
        if (frontend.sticky) {
            row.flags |= WEIR_STICKY;
            row.source_bits = free_source_bits(*frontend.sticky, frontend.key.vip.family());
        }
        if (frontend.scheduler.kind == model::SchedulerKind::rr) row.flags |= WEIR_TURNS;
        if (frontend.scheduler.kind == model::SchedulerKind::random) row.flags |= WEIR_RANDOM;
        for (auto block : blocks_of(frontend.key)) {
            row.key = key;
            row.key.port = htons(block.first);
            row.key.port_bits = block.free_bits;
            // Of ranges that lie in each other the one with the fewest ports wins; of blocks that do so, the
            // smaller: where both have the same block, it must be said.
            auto [other, is_new] = rows.try_emplace(row.key, row);
            if (!is_new && frontend.key.more_ports < plan.frontends[other->second.number - 1].key.more_ports)
                other->second = row;
        }
    }
    for (const auto& [prefix, announced] : model::announced_vips(plan)) {
        model::FrontendKey frontend;
        frontend.vip = prefix.address;
        frontend.free_bits = net::free_bits(prefix);
        weir_frontend row{};
        row.key = own_key(frontend);
        auto& own = rows.try_emplace(row.key, row).first->second;
        if (announced) own.flags |= WEIR_ANNOUNCED;
    }
    for (const auto& [key, row] : rows) {
        out.rows.push_back(row);
        out.shapes.push_back(shape_of(key));
        out.wildcards |= is_wildcard(row);
    }
    std::ranges::sort(out.shapes, {}, rank);
    auto [first, last] = std::ranges::unique(out.shapes, {}, rank);
    out.shapes.erase(first, last);
    return out;
}

bool same_frontend_rows(const model::Plan& a, const model::Plan& b) {
    auto same = [](const model::Frontend& x, const model::Frontend& y) {
        return &x == &y || (x.key == y.key && x.sticky == y.sticky && x.scheduler.kind == y.scheduler.kind &&
                            x.announce_arp == y.announce_arp && x.answers() == y.answers());
    };
    return a.silent == b.silent && a.stands_by == b.stands_by &&
           std::ranges::equal(a.frontends, b.frontends, same);
}

Result<size_t> count_frontend_rows(const model::Plan& plan) {
    auto rows = frontend_rows(plan, {});
    if (rows.shapes.size() > WEIR_SHAPES)
        return fail(
            "the services' VIP prefixes and port ranges take {} forms, more than the datapath's {}: let "
            "ranges "
            "begin and end at multiples of a power of two",
            rows.shapes.size(), WEIR_SHAPES);
    return rows.rows.size();
}

}  // namespace weir::engine::xdp
