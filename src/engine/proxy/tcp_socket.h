// The proxy's TCP sockets: those that listen, and those that call a backend. None blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/proxy.h"
#include "net/ip.h"

namespace weir::engine::proxy {

/// One of several that listen there (SO_REUSEPORT); the address need not be the host's yet. What it accepts
/// has its settings.
Result<UniqueFd> listen_tcp(const net::Endpoint& at, const model::Proxy& settings);
/// Of what it accepts from now on. The kernel may know less; then that is left out.
void set_accepted(int listener, const model::Proxy& settings);

struct Call {
    UniqueFd fd;
    int error = 0;     // an errno; 0: it is under way
    size_t early = 0;  // bytes of `first` that went with the SYN
};
/// `from`: what the backend is to see (IP_TRANSPARENT), of the backend's family. `first`: what is to be said
/// first, if anything; by TCP Fast Open some of it goes out at once.
Call call_tcp(const net::Endpoint& backend, const model::Proxy& settings, const std::optional<net::Ip>& from,
              std::span<const uint8_t> first);

/// Closed by RST: what was not sent yet is dropped.
void reset(UniqueFd& socket);

std::optional<net::Endpoint> local_endpoint(int socket);

/// The process has no more descriptors, or the system no memory: it may have some later.
bool is_out_of_resources(int error);

}  // namespace weir::engine::proxy
