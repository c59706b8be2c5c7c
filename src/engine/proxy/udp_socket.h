// The sockets of a UDP frontend: the one that clients send to, and those that backends answer.
#pragma once

#include <cstddef>
#include <expected>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/ip.h"

namespace weir::engine::proxy {

/// Bound to the frontend's address, so that answers come from there; other workers may have theirs beside it
/// (SO_REUSEPORT), and the address need not be here yet (IP_FREEBIND).
Result<UniqueFd> open_udp_listener(const net::Endpoint& address);

struct BackendSocket {
    net::Endpoint backend;
    const net::Endpoint* as = nullptr;  // transparent: the client whose address it has (CAP_NET_ADMIN)
    bool bulk = false;                  // many datagrams may come: UDP_GRO, and room for a burst
};
/// Connected, so that ICMP errors come back; or errno. What does not fit the path is not sent: EMSGSIZE.
std::expected<UniqueFd, int> open_udp_backend(const BackendSocket& wanted);

/// From now on what does not fit the path is sent in fragments.
void allow_fragments(int socket, net::Family family);
/// Bytes of an IP packet, as far as it is known; 0: nothing is.
size_t path_mtu(int socket, net::Family family);

}  // namespace weir::engine::proxy
