// The topology that demo, end-to-end tests and benches share: direct server return on one LAN.
//
//     client 10.1.10.1 ──┐ LAN 10.1.10.0/24, 2001:db8:10::/64
//   balancer 10.1.10.100 ┤ the client's route to the VIPs leads to the balancer
//  backend-1 10.1.10.10 ─┤ each backend has the VIPs on its `lo`, answers no ARP for them,
//  backend-2 10.1.10.11 ─┘ and sends its answers straight to the client
//
// IPv6 has the same last numbers in 2001:db8:10::, written as in decimal (2001:db8:10::100).
#pragma once

#include <string>
#include <vector>

#include "lab/lab.h"

namespace weir::lab {

struct DsrOptions {
    std::string lab = "dsr";
    unsigned backends = 3;
    bool ipv6 = true;
    bool native = true;  // fit for native XDP_TX: whole checksums from the client, XDP on the switch's ports
};

class Dsr {
  public:
    static constexpr const char* kVip4 = "192.168.101.1";
    static constexpr const char* kVip6 = "2001:db8:101::1";
    static constexpr const char* kBalancer4 = "10.1.10.100";
    static constexpr const char* kBalancer6 = "2001:db8:10::100";
    static constexpr const char* kInterface = "eth0";  // of every host, on the LAN

    explicit Dsr(const DsrOptions& options = {});

    Lab& lab() { return lab_; }
    Host& client() { return lab_.host("client"); }
    Host& balancer() { return lab_.host("balancer"); }
    size_t size() const { return backends_.size(); }
    /// Counted from 0: backend(0) is the host "backend-1".
    Host& backend(size_t i) { return *backends_.at(i); }
    static std::string address4(size_t i);
    static std::string address6(size_t i);

    /// Puts the VIPs on a backend's `lo`, or takes them away; every backend has them at the start.
    void with_vip(size_t i, bool present);
    /// Pulls the backend's cable, or puts it back.
    void cable(size_t i, bool plugged);

  private:
    void add_addresses(Host& host, const std::string& number);

    DsrOptions options_;
    Lab lab_;
    std::vector<Host*> backends_;
};

}  // namespace weir::lab
