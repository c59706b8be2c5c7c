#include "control/json_parts.h"

namespace weir::control {

namespace json = boost::json;

namespace {

constexpr std::string_view kHeaders[] = {"none", "v1", "v2"};

}  // namespace

json::value proxy_json(const std::optional<model::Proxy>& proxy) {
    if (!proxy) return nullptr;
    return json::object{{"connect_timeout_seconds", seconds(proxy->connect_timeout)},
                        {"retries", proxy->retries},
                        {"idle_timeout_seconds", seconds(proxy->idle_timeout)},
                        {"lifetime_seconds", seconds(proxy->lifetime)},
                        {"max_connections", proxy->max_connections},
                        {"queue_timeout_seconds", seconds(proxy->queue_timeout)},
                        {"bandwidth_bytes_per_second", proxy->bandwidth},
                        {"connection_bandwidth_bytes_per_second", proxy->connection_bandwidth},
                        {"accept_header", proxy->accept_header},
                        {"send_header", text(kHeaders[static_cast<size_t>(proxy->send_header)])},
                        {"transparent", proxy->transparent},
                        {"keepalive_seconds", seconds(proxy->keepalive)},
                        {"fast_open", proxy->fast_open},
                        {"udp_timeout_seconds", seconds(proxy->udp_timeout)},
                        {"udp_sessions", proxy->udp_sessions},
                        {"one_packet", proxy->one_packet}};
}

json::object proxy_engine_json(const model::ProxyEngine& engine) {
    return {{"workers", engine.workers},
            {"max_connections", engine.max_connections},
            {"busy_poll_seconds", seconds(engine.busy_poll)},
            {"pipe_size", engine.pipe_size}};
}

}  // namespace weir::control
