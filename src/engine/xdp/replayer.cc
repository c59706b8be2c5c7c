#include "engine/xdp/replayer.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <limits>

#include "engine/xdp/tables.h"

namespace weir::engine::xdp {
namespace {

constexpr uint32_t kInterface = 1;  // by which test-runs come in: the loopback interface of any namespace
constexpr size_t kShortest = ETH_HLEN;
constexpr size_t kLongest = ETH_HLEN + 4 + 65535;

static_assert(static_cast<uint32_t>(Action::aborted) == XDP_ABORTED);
static_assert(static_cast<uint32_t>(Action::drop) == XDP_DROP);
static_assert(static_cast<uint32_t>(Action::pass) == XDP_PASS);
static_assert(static_cast<uint32_t>(Action::tx) == XDP_TX);
static_assert(static_cast<uint32_t>(Action::redirect) == XDP_REDIRECT);

/// 02 and the address, or 06 and the last five bytes of it.
net::Mac synthetic_mac(const net::Ip& ip) {
    net::Mac mac{{static_cast<uint8_t>(ip.is_v4() ? 0x02 : 0x06)}};
    auto bytes = ip.bytes();
    auto tail = bytes.last(std::min<size_t>(bytes.size(), 5));
    std::ranges::copy(tail, mac.bytes.end() - static_cast<long>(tail.size()));
    return mac;
}

/// For documentation (RFC 5737, 3849), so no host's.
net::Ip outer_source(net::Family family) {
    return family == net::Family::v4
               ? net::Ip::v4({192, 0, 2, 254})
               : net::Ip::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 254});
}

/// Where the packet goes, as far as it is IP; of one 802.1Q tag no notice is taken.
std::optional<net::Ip> destination_of(std::span<const uint8_t> frame) {
    size_t type = ETH_HLEN - 2;
    auto type_is = [&](uint16_t wanted) {
        return frame.size() >= type + 2 && frame[type] == wanted >> 8 && frame[type + 1] == (wanted & 0xff);
    };
    if (type_is(ETH_P_8021Q)) type += 4;
    constexpr size_t kAtV4 = 2 + 16, kAtV6 = 2 + 24;  // behind the type
    if (type_is(ETH_P_IP) && frame.size() >= type + kAtV4 + 4) {
        std::array<uint8_t, 4> bytes;
        std::ranges::copy(frame.subspan(type + kAtV4, 4), bytes.begin());
        return net::Ip::v4(bytes);
    }
    if (type_is(ETH_P_IPV6) && frame.size() >= type + kAtV6 + 16) {
        std::array<uint8_t, 16> bytes;
        std::ranges::copy(frame.subspan(type + kAtV6, 16), bytes.begin());
        return net::Ip::v6(bytes);
    }
    return std::nullopt;
}

class Replayer {
  public:
    static Result<Replayer> open(model::Plan plan, ReplaySetup setup);
    Result<Replayed> run(std::span<const uint8_t> frame);

  private:
    Replayer(model::Plan plan, ReplaySetup setup, std::unique_ptr<Tables> tables)
        : plan_(std::move(plan)), setup_(std::move(setup)), tables_(std::move(tables)) {}
    Status apply();
    Hop way_to(const net::Ip& backend) const;
    bool takes(const net::Ip& destination) const;

    model::Plan plan_;
    ReplaySetup setup_;
    std::unique_ptr<Tables> tables_;
};

Result<Replayer> Replayer::open(model::Plan plan, ReplaySetup setup) {
    auto tables = Tables::open("", [](int) { return Status{}; });
    if (!tables) return propagate(tables);
    Replayer replayer(as_replayed(std::move(plan)), std::move(setup), std::move(*tables));
    if (auto applied = replayer.apply(); !applied) return propagate(applied);
    return replayer;
}

Hop Replayer::way_to(const net::Ip& backend) const {
    auto given = setup_.neighbours.find(backend);
    auto own = plan_.node_address;
    return {.mac = given == setup_.neighbours.end() ? synthetic_mac(backend) : given->second,
            .source_mac = setup_.own_mac.value_or(net::Mac{}),
            .interface = kInterface,
            .vlan = model::vlan_of(plan_.vlans, backend),
            .mtu = setup_.mtu,
            .source = own && own->family() == backend.family() ? *own : outer_source(backend.family())};
}

/// The tables with the balancer's MAC as far as it is known.
Status Replayer::apply() {
    Hops hops;
    for (const auto& frontend : plan_.frontends)
        for (const auto& target : frontend.targets)
            hops.try_emplace(target.backend.address, way_to(target.backend.address));
    if (auto applied = tables_->apply(plan_, hops); !applied) return applied;
    return tables_->set_ports({{kInterface, {setup_.own_mac.value_or(net::Mac{})}}});
}

bool Replayer::takes(const net::Ip& destination) const {
    return std::ranges::any_of(
        plan_.frontends, [&](const auto& frontend) { return frontend.key.vips().contains(destination); });
}

Result<Replayed> Replayer::run(std::span<const uint8_t> frame) {
    auto unseen = [&](const char* reason) {
        return Replayed{{.reason = reason}, {frame.begin(), frame.end()}};
    };
    if (frame.size() < kShortest) return unseen("too short to replay");
    if (frame.size() > kLongest) return unseen("too long to replay");
    if (bool is_group = frame[0] & 1; !setup_.own_mac && !is_group)
        if (auto destination = destination_of(frame); destination && takes(*destination)) {
            setup_.own_mac.emplace();
            std::ranges::copy(frame.first(ETH_ALEN), setup_.own_mac->bytes.begin());
            if (auto applied = apply(); !applied) return propagate(applied);
        }
    return tables_->replay(frame);
}

}  // namespace

model::Plan as_replayed(model::Plan plan) {
    if (plan.interfaces.size() > 1) plan.interfaces.resize(1);
    plan.icmp.rate = std::numeric_limits<uint32_t>::max();
    // What a flow's age can hold. The datapath's clock goes on while the packets are read.
    for (auto* timeout :
         {&plan.flows.handshake, &plan.flows.established, &plan.flows.closing, &plan.flows.udp})
        *timeout = std::chrono::hours(1);
    return plan;
}

Result<Replay> open_replay(model::Plan plan, ReplaySetup setup) {
    auto replayer = Replayer::open(std::move(plan), std::move(setup));
    if (!replayer) return propagate(replayer);
    return [replayer = std::move(*replayer)](std::span<const uint8_t> frame) mutable {
        return replayer.run(frame);
    };
}

}  // namespace weir::engine::xdp
