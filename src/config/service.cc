#include <algorithm>
#include <set>

#include "config/prime.h"
#include "config/sections.h"

namespace weir::config {
namespace {

Result<model::ServicePort> read_service_port(std::string_view text) {
    auto slash = text.find('/');
    auto port = net::Port::parse(text.substr(0, slash));
    if (!port) return fail("'{}' is not a port; write one such as 80/tcp or 53/udp", text);
    auto protocol = slash == text.npos ? "tcp" : text.substr(slash + 1);
    for (auto known : {model::Protocol::tcp, model::Protocol::udp})
        if (protocol == model::to_text(known)) return model::ServicePort{*port, known, 0};
    return fail("unknown protocol '{}'; write {}/tcp or {}/udp", protocol, port->value(), port->value());
}

/// The values of a list, each once.
template <class T>
std::vector<Placed<T>> read_distinct(const Fields& fields, std::string_view name,
                                     Result<T> (*parse)(std::string_view), Mistakes& mistakes) {
    std::vector<Placed<T>> values;
    std::set<T> seen;
    for (const auto& item : fields.items(name)) {
        if (item->kind != Node::Kind::scalar) {
            mistakes.add(item->place, "an item of '{}' is {}; write {}", name, describe(item->kind),
                         describe(*kService.find(name)));
            continue;
        }
        auto value = parse(item->text);
        if (!value)
            mistakes.note(item->place, value.error().message);
        else if (seen.insert(*value).second)
            values.push_back({*value, item->place});
        else
            mistakes.add(item->place, "'{}' is in '{}' twice; keep one of the two", item->text, name);
    }
    return values;
}

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

/// A word, or a mapping of one word to its settings.
Placed<model::Scheduler> read_scheduler(const Fields& fields, Mistakes& mistakes) {
    Placed<model::Scheduler> scheduler{{}, fields.place_of("scheduler")};
    const Node* node = fields.find("scheduler");
    if (!node) return scheduler;
    if (node->kind != Node::Kind::mapping) {
        fields.choice("scheduler", scheduler.value.kind);
        return scheduler;
    }
    if (node->entries.size() != 1 || node->entries.front().key->kind != Node::Kind::scalar) {
        mistakes.add(node->place,
                     "this does not name one scheduler; write it as in 'maglev: {{size: 65537}}'");
        return scheduler;
    }
    const auto& [key, settings] = node->entries.front();
    auto kind = read_choice(*kService.find("scheduler"), key->text);
    if (!kind) {
        mistakes.note(key->place, kind.error().message);
        return scheduler;
    }
    scheduler.value.kind = static_cast<model::SchedulerKind>(*kind);
    read_table_size(*settings, scheduler, mistakes);
    return scheduler;
}

}  // namespace

ServiceDraft read_service(const Node& node, const std::string& name, Place at, Mistakes& mistakes) {
    Fields fields(node, kService, fmt::format("service '{}'", name), at, mistakes);
    ServiceDraft service{name, at, {}, {}, {}, {1, fields.place_of("need")}, {}, {}, {}};
    service.vips = read_distinct<net::Ip>(fields, "vip", read_unicast, mistakes);
    service.ports = read_distinct<model::ServicePort>(fields, "ports", read_service_port, mistakes);
    if (const Node* pool = fields.scalar("pool")) service.pool = {pool->text, pool->place};
    fields.choice("forward", service.forward.kind);
    service.scheduler = read_scheduler(fields, mistakes);
    fields.number("need", service.need.value);
    for (const auto& item : fields.items("checks"))
        if (auto check = read_check(*item, mistakes)) service.checks.push_back(*std::move(check));
    return service;
}

}  // namespace weir::config
