// weir's datapath, loaded for one VIP of each family with a TCP and a UDP service and its backends, through
// the engine's own tables; and the packets that it gets.
#pragma once

#include <bpf/libbpf.h>

#include <memory>
#include <vector>

#include "bench/bpf/traffic.h"
#include "engine/xdp/tables.h"
#include "net/packet.h"

namespace weir::bench {

struct Vips {
    net::Ip v4 = net::Ip::v4({192, 0, 2, 1});
    net::Ip v6 = *net::Ip::parse("2001:db8::1");
    net::Port port{80};
};

/// How the packets get to the backends.
struct Way {
    model::Forward forward{};
    net::Family backends = net::Family::v4;
    int count = 100;
    bool tagged = false;  // they are in a VLAN; the clients' packets come by another
    bool quic = false;    // UDP's connection ids name them
};

/// The VIPs of the way that is so many behind the first one.
Vips vips_of(const Vips& vips, size_t way);

/// Bytes by which a frame grows on its way.
int growth(const Way& way);

/// What a packet carries. Other than a segment or datagram: over IPv4 only.
enum class Content : uint8_t {
    plain,
    quic,     // a short header, whose connection id names the first backend
    echo,     // an echo request
    too_big,  // a router's message about a packet from the VIP
};

/// One kind of packets.
struct Shape {
    net::Family family = net::Family::v4;
    uint8_t protocol = net::kTcp;
    uint8_t tcp_flags = net::kTcpAck;
    bool to_vip = true;         // otherwise to its neighbour
    bool to_known_port = true;  // otherwise to the next
    bool tagged = false;        // IPv4 only
    bool answer = false;        // the first backend's to the client; IPv4 only
    Content content = Content::plain;
};

/// The packets of that shape from `flows` flows.
bench_traffic make_traffic(const Vips& vips, const Shape& shape, bench_order order, uint32_t flows);

/// One of its flows' packets.
std::vector<uint8_t> frame_of(const bench_traffic& traffic, uint32_t flow);

class Balancer {
  public:
    /// The way that comes first serves the VIPs' port, each other one the port after next.
    explicit Balancer(const Vips& vips, const std::vector<Way>& ways = {{}});

    int program() const { return *tables_->program(); }
    /// Flows that were new to it, up to now.
    uint64_t new_flows() const;

  private:
    std::unique_ptr<engine::xdp::Tables> tables_;
};

}  // namespace weir::bench
