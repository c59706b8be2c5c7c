#include "engine/proxy/udp_errors.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/checksum.h"
#include "net/packet.h"
#include "net/writer.h"

namespace weir::engine::proxy {
namespace {

constexpr unsigned kASecond = 100;
constexpr size_t kIpv4Header = 20, kIpv6Header = 40, kUdpHeader = 8;
constexpr unsigned kUnreachable = 3, kPortUnreachable = 3, kFragmentationNeeded = 4;  // RFC 792
constexpr unsigned kUnreachableV6 = 1, kPortUnreachableV6 = 4, kPacketTooBigV6 = 2;   // RFC 4443
constexpr unsigned kTtl = 64;  // what is left of the real one is not known

/// The headers of the datagram; its length is cut to what an IP packet can say.
void quote(net::Writer& out, const Undelivered& datagram) {
    const bool v4 = datagram.client.address.is_v4();
    const size_t udp = std::min<size_t>(kUdpHeader + datagram.payload, 0xffff - kIpv4Header);
    const size_t start = out.size();
    if (v4) {
        out.u16(0x4500).u16(static_cast<unsigned>(kIpv4Header + udp)).u32(0);
        out.u8(kTtl).u8(net::kUdp).u16(0);
    } else {
        out.u32(0x6000'0000).u16(static_cast<unsigned>(udp)).u8(net::kUdp).u8(kTtl);
    }
    out.bytes(datagram.client.address.bytes()).bytes(datagram.vip.address.bytes());
    if (v4) out.put_u16(start + 10, net::Checksum().add(out.from(start)).value());
    out.u16(datagram.client.port.value()).u16(datagram.vip.port.value());
    out.u16(static_cast<unsigned>(udp)).u16(0);
}

/// Of the ICMP messages that reach the host a raw socket gets a copy each: this one wants none.
void hear_nothing(int socket, bool v4) {
    if (v4) {
        const icmp_filter none{.data = ~0u};
        ::setsockopt(socket, SOL_RAW, ICMP_FILTER, &none, sizeof none);
    } else {
        icmp6_filter none;
        ICMP6_FILTER_SETBLOCKALL(&none);
        ::setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &none, sizeof none);
    }
}

}  // namespace

std::vector<uint8_t> icmp_error(const Undelivered& datagram, std::optional<size_t> mtu) {
    net::Writer out;
    if (datagram.client.address.is_v4()) {
        out.u8(kUnreachable).u8(mtu ? kFragmentationNeeded : kPortUnreachable).u16(0);
        out.u16(0).u16(static_cast<unsigned>(std::min<size_t>(mtu.value_or(0), 0xffff)));
    } else {
        out.u8(mtu ? kPacketTooBigV6 : kUnreachableV6).u8(mtu ? 0 : kPortUnreachableV6).u16(0);
        out.u32(static_cast<uint32_t>(mtu.value_or(0)));
    }
    quote(out, datagram);
    if (datagram.client.address.is_v4()) out.put_u16(2, net::Checksum().add(out.from(0)).value());
    return out.take();
}

bool ClientNotice::may_tell(Time now) {
    if (now - since_ >= std::chrono::seconds(1)) {
        since_ = now;
        told_ = 0;
    }
    return told_++ < kASecond;
}

void ClientNotice::open(const net::Ip& vip) {
    const bool v4 = vip.is_v4();
    UniqueFd socket(::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                             v4 ? IPPROTO_ICMP : static_cast<int>(IPPROTO_ICMPV6)));
    opened_ = socket || errno == EPERM;  // else there may be descriptors again the next time
    if (!socket) return;
    hear_nothing(socket.get(), v4);
    const int on = 1;
    ::setsockopt(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_FREEBIND : IPV6_FREEBIND, &on,
                 sizeof on);
    auto name = net::to_socket_address({vip, net::Port(0)});
    if (::bind(socket.get(), name.get(), name.size) == 0) socket_ = std::move(socket);
}

void ClientNotice::tell(const Undelivered& datagram, std::optional<size_t> mtu, Time now) {
    if (!may_tell(now)) return;
    if (!opened_) open(datagram.vip.address);
    if (!socket_) return;
    const auto message = icmp_error(datagram, mtu);
    const auto name = net::to_socket_address({datagram.client.address, net::Port(0)});
    ::sendto(socket_.get(), message.data(), message.size(), MSG_DONTWAIT, name.get(), name.size);
}

}  // namespace weir::engine::proxy
