// The sockets that probes speak through, one kind for each carrier.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/ip.h"
#include "net/passage.h"

namespace weir::engine {

/// Non-blocking, not bound. Echoes take a raw socket: an ordinary one for them (a ping socket) needs a
/// sysctl. None sends fragments, of which only the first would be known for a probe's. Needs CAP_NET_RAW for
/// echoes.
Result<UniqueFd> make_probe_socket(net::Carrier carrier, net::Family family);

Result<net::Endpoint> local_endpoint(const UniqueFd& socket);

/// By what answers find a socket that is bound: its port, or an identifier of echoes, drawn anew at each
/// call.
Result<net::Port> own_port(net::Carrier carrier, const UniqueFd& socket);

/// Where to connect to, and of echoes how to call them.
net::Endpoint goal(net::Carrier carrier, const net::Endpoint& backend, net::Port own);

/// An ordinary socket, as to a backend that takes packets under its own address. That there is none is this
/// host's lack.
net::Opened open_directly(net::Carrier carrier, const net::Endpoint& backend);

}  // namespace weir::engine
