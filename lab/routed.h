// The topology for what one LAN cannot show: tunnels to backends behind a router, path MTUs, NAT.
//
//     client ── router ──┐ LAN 10.1.10.0/24                        far LAN 10.1.20.0/24
//     10.1.1.2  10.1.1.1 │ 10.1.10.1                     ┌─ backend-3 10.1.20.10
//          balancer ─────┤ 10.1.10.100      10.1.20.1    ├─ backend-4 10.1.20.11 …
//          backend-1 ────┤ 10.1.10.10          gateway ──┘
//          backend-2 ────┤ 10.1.10.11             │
//                        └────────────────────────┘ 10.1.10.2
//
// IPv6 has the same numbers: 2001:db8:1::2, 2001:db8:10::100, 2001:db8:20::10. The router's way to the VIPs
// leads to the balancer; with VIPs, the backends answer to the client past the balancer. With NAT, no backend
// has a VIP, and the way of each to everywhere leads through the balancer, which itself forwards nothing.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "lab/decap.h"
#include "lab/lab.h"

namespace weir::lab {

struct RoutedOptions {
    std::string lab = "routed";
    unsigned near = 2;  // backends on the balancer's LAN
    unsigned far = 1;   // backends behind the gateway
    unsigned balancers = 1;
    bool static_vips =
        true;  // the router's routes to the VIPs lead to the first balancer; else there are none
    bool ipv6 = true;
    bool nat = false;
    bool native = true;  // fit for native XDP_TX: XDP on the switches' ports
    /// What local sockets send has its checksum when it leaves a switch; false: it may still be without.
    bool whole_checksums = true;
};

class Routed {
  public:
    static constexpr const char* kVip4 = "192.168.101.1";
    static constexpr const char* kVip6 = "2001:db8:101::1";
    static constexpr const char* kBalancer4 = "10.1.10.100";
    static constexpr const char* kBalancer6 = "2001:db8:10::100";
    static constexpr const char* kInterface =
        "eth0";  // of every host; of router and gateway: on the near LAN
    static constexpr const char* kToClient = "client";  // the router's other interface
    static constexpr const char* kToFar = "far";        // the gateway's

    explicit Routed(const RoutedOptions& options = {});

    Lab& lab() { return lab_; }
    Host& client() { return lab_.host("client"); }
    Host& router() { return lab_.host("router"); }
    /// Counted from 0: balancer(1) is the host "balancer-2", 10.1.10.101.
    Host& balancer(unsigned i = 0);
    /// Pulls a balancer's cable, or puts it back.
    void cable(unsigned balancer, bool plugged);
    static std::string balancer4(unsigned i);
    static std::string balancer6(unsigned i);
    Host& gateway() { return lab_.host("gateway"); }
    size_t size() const { return backends_.size(); }
    /// Counted from 0, the near ones first: backend(0) is the host "backend-1".
    Host& backend(size_t i) { return *backends_.at(i); }
    std::string address4(size_t i) const;
    std::string address6(size_t i) const;

    /// Puts the far end of tunnels on every backend; decap(i) is there from then on.
    void decapsulate(const DecapOptions& options = {});
    Decap& decap(size_t i) { return decaps_.at(i); }

  private:
    bool is_far(size_t i) const { return i >= options_.near; }
    unsigned number(size_t i) const;
    void join_lans();
    void add_routers();
    void add_balancer(unsigned i);
    void add_backend(size_t i);
    /// `number` of `lan`, in both families.
    void add_address(Host& host, const std::string& ifname, unsigned lan, unsigned number);
    void set_default_route(Host& host, unsigned lan, unsigned number);

    RoutedOptions options_;
    Lab lab_;
    std::vector<Host*> backends_;
    std::deque<Decap> decaps_;
};

}  // namespace weir::lab
