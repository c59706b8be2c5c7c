#include "bench/balancer.h"

#include <algorithm>
#include <cstring>

#include "lab/failure.h"
#include "net/checksum.h"

namespace weir::bench {
namespace {

const net::Mac kRouter{{2, 0, 0, 0, 0, 1}};
const net::Mac kSelf{{2, 0, 0, 0, 0, 2}};
constexpr uint16_t kClientVlan = 10, kBackendVlan = 20;
constexpr uint8_t kQuicRotation = 2;

net::Ip address_of(const Way& way, int backend) {
    auto last = static_cast<uint8_t>(backend);
    if (way.backends == net::Family::v4) return net::Ip::v4({10, 100, way.tagged, last});
    return net::Ip::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, way.tagged, last});
}

model::Frontend make_frontend(const net::Ip& vip, net::Port port, model::Protocol protocol, const Way& way) {
    model::Frontend frontend;
    frontend.key = {vip, port, protocol};
    frontend.forward = way.forward;
    for (int i = 1; i <= way.count; i++)
        frontend.targets.push_back({{address_of(way, i)}, {true, ""}, model::Accepts::all});
    if (!way.quic || protocol != model::Protocol::udp) return frontend;
    frontend.quic = {{.rotation = kQuicRotation, .server_id_length = 2, .nonce_length = 4}};
    for (int i = 1; i <= way.count; i++)
        frontend.targets[static_cast<size_t>(i) - 1].backend.server_id = {0, static_cast<uint8_t>(i)};
    return frontend;
}

/// The first byte of a short header, and a connection id of seven bytes.
void put_quic(std::vector<uint8_t>& frame) {
    constexpr std::array<uint8_t, 8> kShortHeader{0x40, kQuicRotation << 5 | 6, 0, 1, 0x12, 0x34, 0x56, 0x78};
    std::ranges::copy(kShortHeader, frame.begin() + 42);
}

void put_icmp(std::vector<uint8_t>& frame, std::array<uint8_t, 8> header, std::span<const uint8_t> rest) {
    constexpr size_t kIp = 14, kIcmp = 34;
    frame[kIp + 9] = 1;
    std::fill(frame.begin() + kIcmp, frame.end(), uint8_t{0});
    std::ranges::copy(header, frame.begin() + kIcmp);
    std::copy_n(rest.begin(), std::min(rest.size(), frame.size() - kIcmp - 8), frame.begin() + kIcmp + 8);
    auto set_checksum = [&](size_t at, std::span<const uint8_t> of) {
        frame[at] = frame[at + 1] = 0;
        auto sum = net::Checksum().add(of).value();
        frame[at] = static_cast<uint8_t>(sum >> 8);
        frame[at + 1] = static_cast<uint8_t>(sum);
    };
    set_checksum(kIp + 10, std::span(frame).subspan(kIp, 20));
    set_checksum(kIcmp + 2, std::span(frame).subspan(kIcmp));
}

engine::xdp::Hop hop_to(int backend, const Way& way) {
    engine::xdp::Hop hop{net::Mac{{2, 1, 0, 0, 0, static_cast<uint8_t>(backend)}}, kSelf};
    if (way.tagged) hop.vlan = kBackendVlan;
    hop.source =
        way.backends == net::Family::v4 ? net::Ip::v4({10, 0, 13, 37}) : *net::Ip::parse("2001:db8:d::37");
    return hop;
}

/// What rewrites a packet's addresses keeps their family.
bool takes(const Way& way, const net::Ip& vip) {
    bool rewrites =
        way.forward.kind == model::ForwardKind::dscp || way.forward.kind == model::ForwardKind::nat;
    return !rewrites || vip.family() == way.backends;
}

net::Ip neighbour_of(const net::Ip& ip) {
    auto bytes = ip.bytes();
    if (ip.is_v4()) return net::Ip::v4({bytes[0], bytes[1], bytes[2], static_cast<uint8_t>(bytes[3] ^ 2)});
    std::array<uint8_t, 16> other;
    std::ranges::copy(bytes, other.begin());
    other.back() ^= 2;
    return net::Ip::v6(other);
}

}  // namespace

Vips vips_of(const Vips& vips, size_t way) {
    Vips other = vips;
    other.port = net::Port(static_cast<uint16_t>(vips.port.value() + 2 * way));
    return other;
}

int growth(const Way& way) {
    return static_cast<int>(engine::xdp::overhead(way.forward, way.backends));
}

bench_traffic make_traffic(const Vips& vips, const Shape& shape, bench_order order, uint32_t flows) {
    bool v4 = shape.family == net::Family::v4;
    auto vip = v4 ? vips.v4 : vips.v6;
    net::PacketSpec spec;
    spec.source_mac = kRouter;
    spec.destination_mac = kSelf;
    if (shape.tagged) spec.vlan = kClientVlan;
    // Zero where a flow's number goes.
    spec.source = {v4 ? net::Ip::v4({198, 18, 0, 0}) : *net::Ip::parse("2001:db8:9::"), net::Port(0)};
    spec.destination = {shape.to_vip ? vip : neighbour_of(vip),
                        net::Port(static_cast<uint16_t>(vips.port.value() + !shape.to_known_port))};
    if (shape.answer) {
        spec.destination = spec.source;
        spec.source = {address_of({}, 1), vips.port};
    }
    spec.protocol = shape.protocol;
    spec.tcp_flags = shape.tcp_flags;
    spec.payload = BENCH_LENGTH - net::build_frame(spec).size();
    auto frame = net::build_frame(spec);
    if (shape.content == Content::quic) put_quic(frame);
    if (shape.content == Content::echo) put_icmp(frame, {8}, {});
    if (shape.content == Content::too_big) {
        auto about = spec;
        std::swap(about.source, about.destination);
        auto embedded = net::build_frame(about);
        std::ranges::copy(net::Ip::v4({203, 0, 113, 9}).bytes(), frame.begin() + 26);
        put_icmp(frame, {3, 4, 0, 0, 0, 0, 5, 120}, std::span(embedded).subspan(14));
    }
    bench_traffic traffic{};
    std::memcpy(traffic.header, frame.data(), sizeof traffic.header);
    traffic.order = order;
    traffic.flows = flows;
    traffic.layout = shape.tagged                        ? BENCH_V4_TAGGED
                     : shape.answer                      ? BENCH_V4_ANSWER
                     : shape.content == Content::echo    ? BENCH_V4_ECHO
                     : shape.content == Content::too_big ? BENCH_V4_ERROR
                     : v4                                ? BENCH_V4
                                                         : BENCH_V6;
    return traffic;
}

std::vector<uint8_t> frame_of(const bench_traffic& traffic, uint32_t flow) {
    std::array<__u64, BENCH_LENGTH / sizeof(__u64)> words{};
    write_flow(&traffic, words.data(), flow);
    std::vector<uint8_t> frame(BENCH_LENGTH);
    std::memcpy(frame.data(), words.data(), frame.size());
    return frame;
}

Balancer::Balancer(const Vips& vips, const std::vector<Way>& ways) {
    tables_ = lab::must(engine::xdp::Tables::open("", [](int) { return Status{}; }));
    std::vector<model::Frontend> frontends;
    engine::xdp::Hops hops;
    for (size_t i = 0; i < ways.size(); i++) {
        const auto& way = ways[i];
        auto port = vips_of(vips, i).port;
        for (const auto& vip : {vips.v4, vips.v6})
            for (auto protocol : {model::Protocol::tcp, model::Protocol::udp})
                if (takes(way, vip)) frontends.push_back(make_frontend(vip, port, protocol, way));
        for (int backend = 1; backend <= way.count; backend++)
            hops[address_of(way, backend)] = hop_to(backend, way);
    }
    std::ranges::sort(frontends, {}, &model::Frontend::key);
    model::Plan plan;
    plan.flows.size = 1 << 20;
    plan.icmp.rate = ~0u;
    plan.frontends = SharedList(std::move(frontends));
    lab::must(tables_->apply(plan, hops));
}

uint64_t Balancer::new_flows() const {
    engine::Observation observation;
    tables_->observe_targets(observation);
    uint64_t sum = 0;
    for (const auto& [key, traffic] : observation.targets) sum += traffic.flows_total;
    return sum;
}

}  // namespace weir::bench
