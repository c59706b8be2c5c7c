#include "bench/scenarios.h"

#include "bench/balancer.h"

namespace weir::bench {
namespace {

using model::ForwardKind;
using net::Family;

struct Scenario {
    std::string name;
    size_t way;  // of those of its balancer
    Shape shape{};
    int before = 2;  // packets of the flow that came before the one that counts
};

Way way_of(ForwardKind kind, Family backends = Family::v4) {
    return {.forward = {.kind = kind, .dscp = 10}, .backends = backends, .count = 1};
}

const Shape kV4, kV6{.family = Family::v6};

void count(const std::vector<Way>& ways, const std::vector<Scenario>& scenarios, std::vector<Counted>& into) {
    const Vips vips;
    Balancer balancer(vips, ways);
    Twin twin(balancer.program());
    uint32_t flow = 0;
    for (const auto& scenario : scenarios) {
        auto send = [&](const Shape& shape) {
            auto traffic = make_traffic(vips_of(vips, scenario.way), shape, BENCH_IN_TURN, 1);
            return twin.run(frame_of(traffic, flow));
        };
        flow++;
        if (scenario.shape.answer)
            for (int i = 0; i < 3; i++) send(kV4);
        for (int i = 0; i < scenario.before; i++) send(scenario.shape);
        into.push_back({scenario.name, send(scenario.shape)});
    }
}

void count_without_nat(std::vector<Counted>& into) {
    const Shape udp{.protocol = net::kUdp}, udp_v6{.family = Family::v6, .protocol = net::kUdp};
    std::vector<Way> ways{way_of(ForwardKind::dsr), way_of(ForwardKind::dscp), way_of(ForwardKind::dsr)};
    ways.back().tagged = true;
    std::vector<Scenario> scenarios{
        {"dsr: TCP over IPv4, known", 0, kV4},
        {"dsr: TCP over IPv6, known", 0, kV6},
        {"dsr: UDP over IPv4, known", 0, udp},
        {"dsr: UDP over IPv6, known", 0, udp_v6},
        {"dsr: TCP over IPv4, new", 0, kV4, 0},
        {"dsr: TCP over IPv6, new", 0, kV6, 0},
        {"dsr: VLAN to VLAN, known", 2, {.tagged = true}},
        {"dscp: known", 1, kV4},
        {"passed: no VIP", 0, {.to_vip = false}},
        {"dropped: no such service", 0, {.to_known_port = false}},
    };
    for (auto kind : {ForwardKind::ipip, ForwardKind::gre, ForwardKind::fou, ForwardKind::gue})
        for (auto outer : {Family::v4, Family::v6}) {
            for (const auto& inner : {kV4, kV6})
                scenarios.push_back(
                    {fmt::format("{}: IPv{} in IPv{}, known", model::to_text(kind),
                                 inner.family == Family::v4 ? 4 : 6, outer == Family::v4 ? 4 : 6),
                     ways.size(), inner});
            ways.push_back(way_of(kind, outer));
        }
    count(ways, scenarios, into);
}

}  // namespace

std::vector<Counted> count_steps() {
    std::vector<Counted> all;
    count_without_nat(all);
    count(
        {way_of(ForwardKind::nat)},
        {{"nat: known", 0, kV4}, {"nat: new", 0, kV4, 0}, {"nat: the backend's answer", 0, {.answer = true}}},
        all);
    auto quic = way_of(ForwardKind::dsr);
    quic.quic = true;
    count({quic},
          {{"quic: a short header, known", 0, {.protocol = net::kUdp, .content = Content::quic}},
           {"icmp: too big", 0, {.content = Content::too_big}},
           {"icmp: an echo request", 0, {.content = Content::echo}}},
          all);
    return all;
}

}  // namespace weir::bench
