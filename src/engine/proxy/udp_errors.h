// What a client is told by ICMP, as if its datagram had gone to the backend itself: that nobody listens there
// (RFC 792 and RFC 4443, port unreachable), or that the path takes no datagram as large as that
// (fragmentation needed, RFC 1191; packet too big, RFC 8201). The messages come from the VIP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "net/ip.h"

namespace weir::engine::proxy {

/// A datagram of the client's that did not get through.
struct Undelivered {
    net::Endpoint client;
    net::Endpoint vip;
    size_t payload = 0;
};

/// The ICMP message, without its IP header; of ICMPv6 without the checksum, which the kernel adds. It quotes
/// the IP and UDP headers that the datagram had, as far as they are known. Pure.
/// `mtu`: of the path, in bytes of an IP packet of the client's family; nothing: the port is unreachable.
std::vector<uint8_t> icmp_error(const Undelivered& datagram, std::optional<size_t> mtu);

/// Tells clients, a hundred a second at most; where weir may not (CAP_NET_RAW), nobody is told.
class ClientNotice {
  public:
    using Time = std::chrono::steady_clock::time_point;

    void unreachable(const Undelivered& datagram, Time now) { tell(datagram, std::nullopt, now); }
    void too_big(const Undelivered& datagram, size_t mtu, Time now) { tell(datagram, mtu, now); }

  private:
    void tell(const Undelivered& datagram, std::optional<size_t> mtu, Time now);
    bool may_tell(Time now);
    void open(const net::Ip& vip);

    UniqueFd socket_;
    bool opened_ = false;
    Time since_{};
    unsigned told_ = 0;  // since then
};

}  // namespace weir::engine::proxy
