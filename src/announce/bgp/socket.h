// The sockets of BGP sessions: TCP-MD5 (RFC 2385), GTSM (RFC 5082), hop limits, the own address. Of the
// network namespace of the thread that opens them.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/bgp.h"

namespace weir::announce::bgp {

/// Ready to connect to the peer, without blocking. `external`: the peer is of another AS.
Result<UniqueFd> open_socket(const model::BgpPeer& peer, bool external);

/// Makes of an accepted connection what open_socket() makes of its own.
Status prepare(int socket, const model::BgpPeer& peer, bool external);

/// Where peers may connect.
Result<UniqueFd> open_listener(const net::Endpoint& at);

/// What comes from the peer to a socket that listens must be signed with this; "": must not be signed.
Status set_password(int socket, const net::Ip& peer, const std::string& password);

/// What comes to the socket with a TTL below this is not let in; 0: everything is.
Status set_least_ttl(int socket, net::Family family, int least);
/// As the peer's `ttl_security` asks for it; 0 where it does not.
int least_ttl(const model::BgpPeer& peer);

net::Endpoint local_of(int socket);
net::Endpoint remote_of(int socket);

}  // namespace weir::announce::bgp
