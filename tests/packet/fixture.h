// What the tables of packets run in: the datapath's tables without an interface, with four services on two
// VIPs, nine backends and one client, and the kernel to run single frames (BPF_PROG_TEST_RUN).
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/xdp/tables.h"
#include "net/packet.h"

namespace weir::engine::xdp {

using model::Accepts;
using net::Endpoint;
using net::Ip;
using net::Mac;
using Bytes = std::vector<uint8_t>;

inline const Mac kBalancer = *Mac::parse("02:00:00:00:00:64");
inline const Mac kClient = *Mac::parse("02:00:00:00:00:01");

/// Of a backend, by its number: 02:00:00:00:01:NN, 10.1.10.NN, 2001:db8:10::NN.
Mac mac_of(int backend);
Ip address_of(int backend, net::Family family = net::Family::v4);

/// A service with the backends 1 to `backends`.
model::Frontend frontend(const std::string& vip, uint16_t port, model::Protocol protocol, int backends);

/// A packet from the client's MAC to the balancer's.
net::PacketSpec packet(const std::string& source, const std::string& destination,
                       uint8_t protocol = net::kTcp, uint8_t flags = net::kTcpAck);
/// A packet of the client's `port` to the TCP service.
net::PacketSpec tcp_from(int port, uint8_t flags = net::kTcpAck);

struct Ran {
    uint32_t verdict = 0;
    Bytes frame;
};

/// The backend that a frame was sent to; 0 if it was not.
int backend_of(const Ran& ran);

/// The packet behind the MACs, without TTL (or hop limit) and IPv4 header checksum.
Bytes without_hop(const Bytes& frame);

class DatapathTest : public testing::Test {
  protected:
    void SetUp() override;

    /// Puts plan_ and hops_ into force.
    void apply();

    /// `interface`: by which the frame comes in; one that exists. 0: whichever.
    Ran run(const Bytes& frame, int interface = 0) const;
    int send(const net::PacketSpec& spec) const { return backend_of(run(net::build_frame(spec))); }

    /// Opens flows from the client's ports; which backend each got.
    std::map<int, int> open_flows(int first, int last) const;
    void expect_kept(const std::map<int, int>& flows, const char* when) const;

    /// Makes every entry of the flow table look that many ticks older.
    void age_flows(uint32_t ticks) const;
    /// Empty where the program uses no such map.
    UniqueFd map_of_program(const std::string& name) const;

    void add_backends(int first, int last);
    void set_accepts(int backend, Accepts accepts);

    Observation observe() const;
    /// Packets counted under a reason since the last call.
    std::map<std::string, uint64_t> new_reasons();
    /// Packets counted for targets since the last call.
    uint64_t new_packets();

    void expect_reason(const Bytes& frame, uint32_t verdict, const std::string& reason,
                       const std::string& what);

    model::Plan plan_;
    Hops hops_;               // to backends 1 to 9, of both families
    SharedHops shared_hops_;  // the same, as the tables had them last
    std::unique_ptr<Tables> tables_;
    int program_ = -1;

  private:
    std::map<std::string, uint64_t> seen_;
    uint64_t packets_ = 0;
};

}  // namespace weir::engine::xdp
