// The PROXY protocol (haproxy's doc/proxy-protocol.txt), versions 1 and 2: what stands before a connection's
// first byte, or in front of a datagram, and says who the client really is. doc/wire/proxy-protocol.md.
// Pure: bytes in, values out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "net/ip.h"

namespace weir::proto {

/// Who the client is and what it connected to. The port may be 0.
struct ProxyEnds {
    net::Endpoint source;
    net::Endpoint destination;

    bool operator==(const ProxyEnds&) const = default;
};

struct ProxyHeader {
    size_t size = 0;                // bytes that it takes; what follows is the client's
    std::optional<ProxyEnds> ends;  // nothing: the connection's own addresses hold
    bool is_local = false;          // the proxy itself connects, to check: nobody's connection
};

enum class ProxyTransport : uint8_t { stream, datagram };

/// A header is no longer, the data behind the addresses included.
constexpr size_t kMostProxyHeader = 4096;

/// The line of version 1; of TCP alone. Where one end is IPv6 and the other is not, IPv4 is written as IPv6
/// (::ffff:192.0.2.1), here and in version 2.
std::vector<uint8_t> write_proxy_v1(const ProxyEnds& ends);
std::vector<uint8_t> write_proxy_v2(const ProxyEnds& ends, ProxyTransport transport);

/// The header, of either version, that `bytes` begin with. Nothing yet: so far they may be one, and more are
/// needed; with kMostProxyHeader bytes there is always an answer. Fails where they are none, as early as that
/// is sure. IPv4 that is written as IPv6 is IPv4 again.
Result<std::optional<ProxyHeader>> read_proxy_header(std::span<const uint8_t> bytes);

}  // namespace weir::proto
