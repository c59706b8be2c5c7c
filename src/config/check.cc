#include <fmt/ranges.h>

#include <algorithm>

#include "config/check_kinds.h"

namespace weir::config {
namespace {

struct Kind {
    const Section& section;  // named as the kind is
    model::Check::Kind (*read)(const Fields& settings, Mistakes& mistakes);
};

template <class Check>
model::Check::Kind without_settings(const Fields&, Mistakes&) {
    return Check{};
}

const Kind kKinds[] = {
    {kTcpCheck, read_tcp_check},   {kSynCheck, without_settings<model::SynCheck>},
    {kHttpCheck, read_http_check}, {kHttpsCheck, read_https_check},
    {kDnsCheck, read_dns_check},   {kExecCheck, read_exec_check},
    {kUdpCheck, read_udp_check},   {kIcmpCheck, without_settings<model::IcmpCheck>},
};

const Kind* kind_of(std::string_view name) {
    auto found = std::ranges::find(kKinds, name, [](const Kind& kind) { return kind.section.name; });
    return found == std::end(kKinds) ? nullptr : &*found;
}

std::string all_kinds() {
    std::vector<std::string_view> names;
    for (const auto& kind : kKinds) names.push_back(kind.section.name);
    auto last = names.back();
    names.pop_back();
    return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

/// `settings` may be nothing: then each has its default.
model::Check::Kind read_settings(const Kind& kind, const Node& settings, Mistakes& mistakes) {
    Node empty{.kind = Node::Kind::mapping, .place = settings.place};
    const Node& mapping = settings.kind == Node::Kind::empty ? empty : settings;
    Fields fields(mapping, kind.section, std::string(kind.section.name), settings.place, mistakes);
    return kind.read(fields, mistakes);
}

/// `- tcp` and `- http`: a check with every setting at its default.
std::optional<model::Check> read_bare(const Node& node, Mistakes& mistakes) {
    if (const Kind* kind = kind_of(node.text))
        return model::Check{.kind = read_settings(*kind, Node{.place = node.place}, mistakes)};
    mistakes.add(node.place, "unknown check '{}'; write {}", node.text, all_kinds());
    return std::nullopt;
}

void read_kind(const Fields& fields, const Node& node, model::Check& check, Mistakes& mistakes) {
    const Kind* first = nullptr;
    for (const auto& kind : kKinds) {
        const Node* settings = fields.find(kind.section.name);
        if (!settings) continue;
        if (first)
            return mistakes.add(settings->place, "this check is of two kinds, {} and {}; write two checks",
                                first->section.name, kind.section.name);
        first = &kind;
        check.kind = read_settings(kind, *settings, mistakes);
    }
    if (!first) mistakes.add(node.place, "this check is of no kind; add 'tcp: {{}}' or 'http: {{path: /}}'");
}

/// Those that are not given follow the ones that are.
void read_tally(const Fields& fields, model::Check& check, Mistakes& mistakes) {
    fields.number("history", check.history);
    check.rise = std::min(check.rise, check.history);
    check.fall = std::min(check.fall, check.history);
    for (auto [name, value] : {std::pair("rise", &check.rise), std::pair("fall", &check.fall)})
        if (fields.number(name, *value) && *value > check.history)
            mistakes.add(fields.place_of(name),
                         "'{}' is {} of the last {}, which never happens; write {} at most, or a "
                         "longer history",
                         name, *value, check.history, check.history);
}

void read_times(const Fields& fields, model::Check& check, Mistakes& mistakes) {
    fields.duration("interval", check.interval);
    check.timeout = std::min(check.timeout, check.interval);
    if (fields.duration("timeout", check.timeout) && check.timeout > check.interval)
        mistakes.add(fields.place_of("timeout"),
                     "the timeout {} is longer than the interval {}; write {} at most",
                     duration_text(check.timeout.count()), duration_text(check.interval.count()),
                     duration_text(check.interval.count()));
}

}  // namespace

std::optional<model::Check> read_check(const Node& node, Mistakes& mistakes) {
    if (node.kind == Node::Kind::scalar) return read_bare(node, mistakes);
    Fields fields(node, kCheck, "the check", node.place, mistakes);
    model::Check check;
    if (node.kind != Node::Kind::mapping) return std::nullopt;
    read_kind(fields, node, check, mistakes);
    uint16_t port = 0;
    if (fields.number("port", port)) check.port = net::Port(port);
    if (check.port && std::holds_alternative<model::IcmpCheck>(check.kind))
        mistakes.add(fields.place_of("port"), "echo requests go to no port; leave 'port' out");
    read_times(fields, check, mistakes);
    read_tally(fields, check, mistakes);
    return check;
}

}  // namespace weir::config
