#include "config/prime.h"
#include "config/sections.h"

namespace weir::config {
namespace {

void read_table_size(const Node& node, Placed<model::Scheduler>& scheduler, Mistakes& mistakes) {
    Fields fields(node, kTable, model::to_text(scheduler.value.kind).data(), node.place, mistakes);
    uint32_t size = 0;
    if (!fields.number("size", size)) return;
    scheduler.at = fields.place_of("size");
    if (is_prime(size))
        scheduler.value.table_size = size;
    else
        mistakes.add(scheduler.at, "{} is not a prime, which the size of a table must be; {} is the next",
                     size, next_prime(size));
}

Placed<model::Scheduler> read_scheduler(const Fields& service, Mistakes& mistakes) {
    Placed<model::Scheduler> scheduler{{}, service.place_of("scheduler")};
    auto chosen = service.chosen(scheduler_of(model::EngineKind::xdp), "maglev: {size: 65537}");
    if (!chosen) return scheduler;
    scheduler.value.kind = static_cast<model::SchedulerKind>(chosen->word);
    if (chosen->settings) read_table_size(*chosen->settings, scheduler, mistakes);
    return scheduler;
}

Placed<std::optional<model::Sticky>> read_sticky(const Fields& service, Mistakes& mistakes) {
    const Node* node = service.find("sticky");
    if (!node) return {};
    model::Sticky sticky;
    if (node->kind == Node::Kind::mapping) {
        Fields fields(*node, kSticky, "sticky", node->place, mistakes);
        fields.number("ipv4", sticky.v4);
        fields.number("ipv6", sticky.v6);
    } else if (node->text != "source") {
        mistakes.add(node->place,
                     "sticky '{}' is not known; write source, or a mapping such as {{ipv4: 24, ipv6: 56}}",
                     node->kind == Node::Kind::scalar ? node->text : describe(node->kind));
    }
    return {sticky, node->place};
}

void read_announce(const Fields& fields, ServiceDraft& service, Mistakes& mistakes) {
    const Node* node = fields.mapping("announce");
    if (!node) return;
    Fields announce(*node, kAnnounce, "announce", node->place, mistakes);
    announce.choice("arp", service.announce_arp.value);
    service.announce_arp.at = announce.place_of("arp");
    service.bgp = {read_announce_bgp(announce, mistakes), announce.place_of("bgp")};
}

/// What packets the service takes: a mark's, or those for VIPs and ports.
void read_taken(const Fields& fields, ServiceDraft& service, Mistakes& mistakes) {
    service.vips = read_distinct<net::Prefix>(fields, "vip", read_vip, mistakes);
    service.ports = read_distinct<model::ServicePort>(fields, "ports", read_service_port, mistakes);
    if (fields.find("mark")) {
        model::Mark mark;
        fields.number("mark", mark.number);
        fields.choice("family", mark.family);
        service.mark = {mark, fields.place_of("mark")};
        for (const char* name : {"vip", "ports"})
            if (fields.find(name))
                mistakes.add(fields.place_of(name),
                             "service '{}' has a 'mark' in place of '{}'; keep one of the two", service.name,
                             name);
        return;
    }
    if (fields.find("family"))
        mistakes.add(fields.place_of("family"), "'family' is a mark's; add 'mark', or leave it out");
    for (const char* name : {"vip", "ports"})
        if (!fields.find(name))
            mistakes.add(service.at, "service '{}' has no '{}'; add it, {}", service.name, name,
                         fields.takes(name));
}

Result<std::string> read_pool_name(std::string_view text) {
    return std::string(text);
}

void read_stand_ins(const Fields& fields, ServiceDraft& service, Mistakes& mistakes) {
    if (fields.find("backup"))
        service.backup = read_distinct<std::string>(fields, "backup", read_pool_name, mistakes);
    if (const Node* pool = fields.scalar("fallback")) service.fallback = {pool->text, pool->place};
    if (fields.number("overflow", service.overflow.value)) service.overflow.at = fields.place_of("overflow");
    if (fields.choice("fail_open", service.fail_open.value))
        service.fail_open.at = fields.place_of("fail_open");
}

/// How the engine chooses a backend.
void read_choosing(const Fields& fields, ServiceDraft& service, Mistakes& mistakes) {
    if (service.engine == model::EngineKind::ipvs)
        service.ipvs = read_service_ipvs(fields, mistakes);
    else
        service.scheduler = read_scheduler(fields, mistakes);
    if (service.engine != model::EngineKind::ipvs && fields.find("ipvs"))
        mistakes.add(fields.place_of("ipvs"),
                     "'ipvs' is for services with 'engine: ipvs'; add that, or leave it out");
    if (service.engine == model::EngineKind::proxy)
        service.proxy = read_service_proxy(fields, mistakes);
    else if (fields.find("proxy"))
        mistakes.add(fields.place_of("proxy"),
                     "'proxy' is for services with 'forward: proxy'; add that, or leave it out");
}

/// By its word alone, whatever else is wrong with it.
bool is_proxied(const Node* forward) {
    if (!forward) return false;
    const Node& word = forward->entries.size() == 1 ? *forward->entries.front().key : *forward;
    return word.text == "proxy";
}

/// Who forwards, and how: `forward: proxy` says the one with the other.
void read_carrying(const Fields& fields, ServiceDraft& service, Mistakes& mistakes) {
    const bool is_said = fields.choice("engine", service.engine);
    if (!is_said && is_proxied(fields.find("forward"))) service.engine = model::EngineKind::proxy;
    service.forward = read_forward(fields, service.engine, mistakes);
}

}  // namespace

ServiceDraft read_service(const Node& node, const std::string& name, Place at, Mistakes& mistakes) {
    Fields fields(node, kService, fmt::format("service '{}'", name), at, mistakes);
    ServiceDraft service{.name = name, .at = at};
    read_taken(fields, service, mistakes);
    if (const Node* pool = fields.scalar("pool")) service.pool = {pool->text, pool->place};
    read_stand_ins(fields, service, mistakes);
    read_carrying(fields, service, mistakes);
    read_choosing(fields, service, mistakes);
    fields.duration("slow_start", service.slow_start);
    service.sticky = read_sticky(fields, mistakes);
    service.quic = read_quic(fields, mistakes);
    read_announce(fields, service, mistakes);
    service.need.at = fields.place_of("need");
    fields.number("need", service.need.value);
    for (const auto& item : fields.items("checks"))
        if (auto check = read_check(*item, mistakes))
            service.checks.push_back({*std::move(check), item->place});
    return service;
}

}  // namespace weir::config
