// What the proxy engine is told (doc/proxy.md).
#include <algorithm>
#include <charconv>

#include "config/sections.h"

namespace weir::config {
namespace {

/// In bytes a second.
Result<uint64_t> read_rate(std::string_view text) {
    constexpr uint64_t kLeast = 1000, kMost = 1'000'000'000'000;
    constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
        {"", 1},       {"kB", 1000},      {"MB", 1'000'000},    {"GB", 1'000'000'000},
        {"kbit", 125}, {"Mbit", 125'000}, {"Gbit", 125'000'000}};
    uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view rest(end, text.data() + text.size());
    const auto* unit = std::ranges::find(kUnits, rest, &std::pair<std::string_view, uint64_t>::first);
    if (error == std::errc::invalid_argument || unit == std::end(kUnits))
        return fail(
            "'{}' is not a rate; write a whole number of bytes a second, or one with its unit: 500kB, "
            "10MB, 1GB or 100Mbit",
            text);
    if (error != std::errc{} || value > kMost / unit->second || value * unit->second < kLeast)
        return fail("{} is out of range; write a rate from 1kB to 1000GB a second", text);
    return value * unit->second;
}

}  // namespace

void read_proxy(const Node& node, model::ProxyEngine& proxy, Mistakes& mistakes) {
    Fields fields(node, kProxy, "proxy", node.place, mistakes);
    fields.number("workers", proxy.workers);
    fields.number("max_connections", proxy.max_connections);
    fields.duration("busy_poll", proxy.busy_poll);
    fields.number("pipe_size", proxy.pipe_size);
}

ProxyDraft read_service_proxy(const Fields& service, Mistakes& mistakes) {
    ProxyDraft proxy;
    const Node* node = service.mapping("proxy");
    if (!node) return proxy;
    Fields fields(*node, kServiceProxy, "proxy", node->place, mistakes);
    auto& value = proxy.value;
    fields.duration("connect_timeout", value.connect_timeout);
    fields.number("retries", value.retries);
    fields.duration("idle_timeout", value.idle_timeout);
    fields.duration("lifetime", value.lifetime);
    fields.number("max_connections", value.max_connections);
    fields.duration("queue_timeout", value.queue_timeout);
    fields.parsed("bandwidth", read_rate, value.bandwidth);
    fields.parsed("connection_bandwidth", read_rate, value.connection_bandwidth);
    fields.choice("accept_header", value.accept_header);
    fields.choice("send_header", value.send_header);
    fields.choice("transparent", value.transparent);
    fields.duration("keepalive", value.keepalive);
    fields.choice("fast_open", value.fast_open);
    fields.duration("udp_timeout", value.udp_timeout);
    fields.number("udp_sessions", value.udp_sessions);
    fields.choice("one_packet", value.one_packet);
    for (const auto& setting : kServiceProxy.settings)
        if (fields.find(setting.name)) proxy.given[setting.name] = fields.place_of(setting.name);
    return proxy;
}

}  // namespace weir::config
