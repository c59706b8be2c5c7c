// The ways of forwarding, each with what it makes of a packet by its RFC.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "tests/packet/fixture.h"
#include "tests/packet/wire.h"

namespace weir::engine::xdp {

struct Way {
    model::ForwardKind kind;
    net::Family vip, backend;

    bool is_tunnel() const { return kind != model::ForwardKind::dsr && kind != model::ForwardKind::dscp; }
    /// Bytes in front of the packet.
    size_t growth() const;
    std::string text() const;
};

/// All that there are; DSCP takes a backend of the VIP's family.
std::vector<Way> all_ways();

inline constexpr uint8_t kDscp = 11;

/// What of a tunnel's header may differ with the flow.
struct Varied {
    uint32_t source = 0;  // the bits behind the prefix
    uint32_t flow = 0;    // UDP's source port, or IPv6's flow label
    auto operator<=>(const Varied&) const = default;
};

class WaysTest : public DatapathTest {
  protected:
    /// Services on the VIP, TCP 80 and UDP 53, forwarded this way to backends 1 to `backends`.
    void use(const Way& way, int backends = 1, std::optional<uint16_t> vlan = {}, uint32_t mtu = 1500);

    /// The frame that brings this packet, which has taken its hop, to the backend. What varies is as in
    /// `actual`; whether it may be so is checked.
    Bytes delivered(const Bytes& packet, const Bytes& actual, int backend = 1,
                    Varied* varied = nullptr) const;

    /// What of the IP header of a packet to the VIP the way changes.
    wire::Header changed(wire::Header header, int backend = 1) const;

    Ip vip() const;
    Ip client() const;
    wire::Header from_client(uint8_t protocol, uint8_t tos = 0, uint8_t hops = 64) const;

    Way way_{};
    std::optional<uint16_t> vlan_;
};

}  // namespace weir::engine::xdp
