// What the proxy engine is told (doc/proxy.md).
#include "config/sections.h"

namespace weir::config {

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
    fields.rate("bandwidth", value.bandwidth);
    fields.rate("connection_bandwidth", value.connection_bandwidth);
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
