// The kernel's list of the connections that IPVS remembers, /proc/net/ip_vs_conn: one line each, addresses
// and ports in hexadecimal (IPv6 with colons, every digit written). Pure.
#pragma once

#include <optional>
#include <string_view>

#include "engine/ipvs/service.h"

namespace weir::engine::ipvs {

struct Connection {
    uint8_t protocol = 0;
    net::Endpoint client;
    net::Endpoint service;
    net::Endpoint destination;

    bool operator==(const Connection&) const = default;
};

/// Nothing of the headline, and of what makes no sense.
std::optional<Connection> read_connection(std::string_view line);

}  // namespace weir::engine::ipvs
