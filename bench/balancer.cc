#include "bench/balancer.h"

#include <cstring>

#include "lab/failure.h"

namespace weir::bench {
namespace {

constexpr int kBackends = 100;
const net::Mac kRouter{{2, 0, 0, 0, 0, 1}};
const net::Mac kSelf{{2, 0, 0, 0, 0, 2}};

net::Ip address_of(int backend) {
    return net::Ip::v4({10, 100, 0, static_cast<uint8_t>(backend)});
}

model::Frontend make_frontend(const net::Ip& vip, net::Port port, model::Protocol protocol) {
    model::Frontend frontend;
    frontend.key = {vip, port, protocol};
    for (int i = 1; i <= kBackends; i++)
        frontend.targets.push_back({{address_of(i)}, {true, ""}, model::Accepts::all});
    return frontend;
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

bench_traffic make_traffic(const Vips& vips, const Shape& shape, bench_order order, uint32_t flows) {
    bool v4 = shape.family == net::Family::v4;
    auto vip = v4 ? vips.v4 : vips.v6;
    net::PacketSpec spec;
    spec.source_mac = kRouter;
    spec.destination_mac = kSelf;
    // Zero where a flow's number goes.
    spec.source = {v4 ? net::Ip::v4({198, 18, 0, 0}) : *net::Ip::parse("2001:db8:9::"), net::Port(0)};
    spec.destination = {shape.to_vip ? vip : neighbour_of(vip),
                        net::Port(static_cast<uint16_t>(vips.port.value() + !shape.to_known_port))};
    spec.protocol = shape.protocol;
    spec.tcp_flags = shape.tcp_flags;
    spec.payload = BENCH_LENGTH - net::build_frame(spec).size();
    auto frame = net::build_frame(spec);
    bench_traffic traffic{};
    std::memcpy(traffic.header, frame.data(), sizeof traffic.header);
    traffic.order = order;
    traffic.flows = flows;
    traffic.ipv6 = !v4;
    return traffic;
}

Balancer::Balancer(const Vips& vips) {
    tables_ = lab::must(engine::xdp::Tables::open("", [](int) { return Status{}; }));
    model::Plan plan;
    plan.flows.size = 1 << 20;
    for (const auto& vip : {vips.v4, vips.v6})
        for (auto protocol : {model::Protocol::tcp, model::Protocol::udp})
            plan.frontends.push_back(make_frontend(vip, vips.port, protocol));
    engine::xdp::Hops hops;
    for (int i = 1; i <= kBackends; i++)
        hops[address_of(i)] = {net::Mac{{2, 1, 0, 0, 0, static_cast<uint8_t>(i)}}, kSelf};
    lab::must(tables_->apply(plan, hops));
}

uint64_t Balancer::new_flows() const {
    engine::Observation observation;
    tables_->observe(observation);
    uint64_t sum = 0;
    for (const auto& [key, traffic] : observation.targets) sum += traffic.flows_total;
    return sum;
}

}  // namespace weir::bench
