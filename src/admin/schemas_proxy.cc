#include "admin/schema_parts.h"

namespace weir::admin {

json::object proxy() {
    return record({{"connect_timeout_seconds", number()},
                   {"retries", whole()},
                   {"idle_timeout_seconds", number()},
                   {"lifetime_seconds", number()},
                   {"max_connections", whole()},
                   {"queue_timeout_seconds", number()},
                   {"bandwidth_bytes_per_second", whole()},
                   {"connection_bandwidth_bytes_per_second", whole()},
                   {"accept_header", truth()},
                   {"send_header", words({"none", "v1", "v2"})},
                   {"transparent", truth()},
                   {"keepalive_seconds", number()},
                   {"fast_open", truth()},
                   {"udp_timeout_seconds", number()},
                   {"udp_sessions", whole()},
                   {"one_packet", truth()}});
}

json::object proxy_engine() {
    return record({{"workers", whole()},
                   {"max_connections", whole()},
                   {"busy_poll_seconds", number()},
                   {"pipe_size", whole()}});
}

}  // namespace weir::admin
