// An endpoint as asio's protocols have theirs: `to_asio<tcp::endpoint>(endpoint)`.
#pragma once

#include <cstring>

#include "net/ip.h"

namespace weir::net {

template <class AsioEndpoint>
AsioEndpoint to_asio(const Endpoint& endpoint) {
    auto address = to_socket_address(endpoint);
    AsioEndpoint out;
    std::memcpy(out.data(), address.get(), address.size);
    out.resize(address.size);
    return out;
}

}  // namespace weir::net
