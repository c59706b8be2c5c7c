// What IPVS, the kernel's balancer, is told (doc/ipvs.md).
#include <algorithm>
#include <array>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr std::string_view kFlags[] = {"flag-1",  "flag-2",      "flag-3", "sh-fallback",
                                       "sh-port", "mh-fallback", "mh-port"};

Result<std::string> read_flag(std::string_view text) {
    if (std::ranges::find(kFlags, text) != std::end(kFlags)) return std::string(text);
    return fail("unknown flag '{}'; {}", text,
                suggest(text, kFlags, fmt::format("write {}", fmt::join(kFlags, ", "))));
}

Result<net::Ip> read_group(std::string_view text) {
    auto group = net::Ip::parse(text);
    if (group && !group->is_multicast())
        return fail("{} is not a multicast address; write one such as 224.0.0.81", text);
    return group;
}

void read_sync(const Node& node, model::Config& config, Mistakes& mistakes) {
    Fields fields(node, kIpvsSync, "ipvs sync", node.place, mistakes);
    model::IpvsSync sync;
    fields.choice("role", sync.role);
    fields.parsed("interface", read_interface_name, sync.interface);
    fields.number("id", sync.id);
    fields.parsed("group", read_group, sync.group);
    if (uint16_t port = 0; fields.number("port", port)) sync.port = net::Port(port);
    if (uint8_t ttl = 0; fields.number("ttl", ttl)) sync.ttl = ttl;
    config.ipvs_sync = std::move(sync);
}

void read_timeouts(const Node& node, model::Config& config, Mistakes& mistakes) {
    Fields fields(node, kIpvsTimeouts, "ipvs timeouts", node.place, mistakes);
    auto read = [&](std::string_view name) {
        std::chrono::seconds time{0};
        return fields.duration(name, time) ? std::optional(time) : std::nullopt;
    };
    config.ipvs_timeouts = {read("tcp"), read("tcp_fin"), read("udp")};
}

void read_scheduler(const Fields& service, IpvsDraft& ipvs, Mistakes& mistakes) {
    const auto& setting = scheduler_of(model::EngineKind::ipvs);
    auto chosen = service.chosen(setting, "wlc");
    if (!chosen) return;
    ipvs.value.scheduler = std::ranges::find(setting.choices, chosen->word, &Choice::value)->word;
    if (chosen->settings)
        mistakes.add(chosen->settings->place,
                     "a scheduler of 'engine: ipvs' has no settings here; write 'scheduler: {}', and what it "
                     "takes as 'ipvs: {{flags: […]}}'",
                     ipvs.value.scheduler);
}

/// sh-port is of sh, flag-1 of each that has one.
void read_flags(const Fields& fields, IpvsDraft& ipvs, Mistakes& mistakes) {
    if (!fields.find("flags")) return;
    for (auto& [flag, at] : read_distinct<std::string>(fields, "flags", read_flag, mistakes)) {
        auto of = std::string_view(flag).substr(0, flag.find('-'));
        if (of != "flag" && of != ipvs.value.scheduler)
            mistakes.add(at, "flag '{}' is of the scheduler {}, and the service has {}; leave it out", flag,
                         of, ipvs.value.scheduler);
        ipvs.value.scheduler_flags.push_back(flag);
    }
}

void read_persistence(const Fields& fields, IpvsDraft& ipvs, Mistakes& mistakes) {
    fields.duration("persistence", ipvs.value.persistence);
    const Node* node = fields.mapping("netmask");
    if (!node) return;
    Fields netmask(*node, kNetmask, "netmask", node->place, mistakes);
    netmask.number("ipv4", ipvs.value.netmask_v4);
    netmask.number("ipv6", ipvs.value.netmask_v6);
    if (!fields.find("persistence"))
        mistakes.add(node->place, "'netmask' says whom 'persistence' takes for one client; add that, too");
}

}  // namespace

void read_ipvs(const Node& node, model::Config& config, Mistakes& mistakes) {
    Fields fields(node, kIpvs, "ipvs", node.place, mistakes);
    if (const Node* sync = fields.mapping("sync")) read_sync(*sync, config, mistakes);
    if (const Node* timeouts = fields.mapping("timeouts")) read_timeouts(*timeouts, config, mistakes);
}

IpvsDraft read_service_ipvs(const Fields& service, Mistakes& mistakes) {
    IpvsDraft ipvs;
    read_scheduler(service, ipvs, mistakes);
    const Node* node = service.mapping("ipvs");
    if (!node) return ipvs;
    Fields fields(*node, kServiceIpvs, "ipvs", node->place, mistakes);
    read_persistence(fields, ipvs, mistakes);
    if (fields.choice("one_packet", ipvs.value.one_packet))
        ipvs.one_packet_at = fields.place_of("one_packet");
    read_flags(fields, ipvs, mistakes);
    return ipvs;
}

}  // namespace weir::config
