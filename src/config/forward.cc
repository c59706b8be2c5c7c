#include <set>

#include "config/prefix_map.h"
#include "config/sections.h"

namespace weir::config {
namespace {

using model::ForwardKind;

constexpr net::Port kFouPort{5555}, kGuePort{6080};

const Section& section_of(ForwardKind kind) {
    switch (kind) {
        case ForwardKind::dsr:
            return kDsr;
        case ForwardKind::ipip:
            return kIpip;
        case ForwardKind::gre:
            return kGre;
        case ForwardKind::fou:
            return kFou;
        case ForwardKind::gue:
            return kGue;
        case ForwardKind::dscp:
            return kDscp;
        case ForwardKind::nat:
            return kNat;
        case ForwardKind::proxy:
            break;
    }
    return kDsr;
}

void read_sources(const Fields& fields, std::vector<net::Prefix>& sources, Mistakes& mistakes) {
    std::set<net::Family> families;
    for (const auto& [prefix, at] : read_distinct<net::Prefix>(fields, "source", read_source, mistakes))
        if (families.insert(prefix.address.family()).second)
            sources.push_back(prefix);
        else
            mistakes.add(at, "{} is the second source of its family; keep one of the two",
                         short_text(prefix));
}

void read_settings(const Node& node, model::Forward& forward, Mistakes& mistakes) {
    if (forward.kind == ForwardKind::proxy)
        return mistakes.add(node.place,
                            "'forward: proxy' has no settings here; write them beside it, as 'proxy: {{…}}'");
    const auto& section = section_of(forward.kind);
    Fields fields(node, section, std::string(section.name), node.place, mistakes);
    uint16_t port = 0;
    if (section.find("port") && fields.number("port", port)) forward.port = net::Port(port);
    if (section.find("value")) fields.number("value", forward.dscp);
    if (section.find("source")) read_sources(fields, forward.sources, mistakes);
}

}  // namespace

Placed<model::Forward> read_forward(const Fields& service, model::EngineKind engine, Mistakes& mistakes) {
    Placed<model::Forward> forward{{}, service.place_of("forward")};
    if (engine == model::EngineKind::proxy) forward.value.kind = ForwardKind::proxy;
    auto chosen = service.chosen(forward_of(engine), "gue: {port: 6080}");
    if (!chosen) return forward;
    auto& kind = forward.value.kind = static_cast<ForwardKind>(chosen->word);
    if (kind == ForwardKind::fou) forward.value.port = kFouPort;
    if (kind == ForwardKind::gue) forward.value.port = kGuePort;
    if (chosen->settings)
        read_settings(*chosen->settings, forward.value, mistakes);
    else if (kind == ForwardKind::dscp)
        mistakes.add(forward.at, "dscp needs the value to set; write '{{dscp: {{value: 10}}}}'");
    return forward;
}

}  // namespace weir::config
