// weir's datapath, loaded for one VIP of each family with a TCP and a UDP service and 100 backends, through
// the engine's own tables; and the packets that it gets.
#pragma once

#include <bpf/libbpf.h>

#include <memory>

#include "bench/bpf/traffic.h"
#include "engine/xdp/tables.h"
#include "net/packet.h"

namespace weir::bench {

struct Vips {
    net::Ip v4 = net::Ip::v4({192, 0, 2, 1});
    net::Ip v6 = *net::Ip::parse("2001:db8::1");
    net::Port port{80};
};

/// One kind of packets.
struct Shape {
    net::Family family = net::Family::v4;
    uint8_t protocol = net::kTcp;
    uint8_t tcp_flags = net::kTcpAck;
    bool to_vip = true;         // otherwise to its neighbour
    bool to_known_port = true;  // otherwise to the next
};

/// The packets of that shape from `flows` flows.
bench_traffic make_traffic(const Vips& vips, const Shape& shape, bench_order order, uint32_t flows);

class Balancer {
  public:
    explicit Balancer(const Vips& vips);

    int program() const { return *tables_->program(); }
    /// Flows that were new to it, up to now.
    uint64_t new_flows() const;

  private:
    std::unique_ptr<engine::xdp::Tables> tables_;
};

}  // namespace weir::bench
