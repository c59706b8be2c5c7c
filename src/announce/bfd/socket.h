// The UDP sockets of BFD: RFC 5881 sections 4 and 5, RFC 5883 section 5. Of the network namespace of the
// thread that opens them; nothing here blocks.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/ip.h"

namespace weir::announce::bfd {

net::Port port_of(bool multihop);

/// What the route to the peer would send from.
Result<net::Ip> own_address(const net::Ip& peer);

/// Where peers send to.
Result<UniqueFd> open_receiver(const net::Ip& local, bool multihop);
/// With a source port of the range that RFC 5881 has for it.
Result<UniqueFd> open_sender(const net::Ip& local);

Status send(int socket, const net::Endpoint& to, std::span<const uint8_t> bytes);

struct Datagram {
    net::Ip from;
    int ttl = 0;
    size_t size = 0;
    std::array<uint8_t, 256> bytes{};  // as much as a BFD packet can say that it has

    std::span<const uint8_t> data() const { return std::span(bytes).first(size); }
};
/// None where nothing waits.
std::optional<Datagram> receive(int socket);

}  // namespace weir::announce::bfd
