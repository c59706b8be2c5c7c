// What the kernel's own balancer, IPVS, is told besides what every engine is: values of the configuration.
// See weir.yaml(5) and doc/ipvs.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/ip.h"

namespace weir::model {

/// Of one service.
struct Ipvs {
    std::string scheduler = "wlc";               // as the kernel names it
    std::vector<std::string> scheduler_flags{};  // as ipvsadm names them: flag-1, sh-port, mh-fallback, …
    std::chrono::seconds persistence{0};         // so long a client keeps its backend; 0: none
    uint8_t netmask_v4 = 32, netmask_v6 = 128;   // whose clients persistence takes for one
    bool one_packet = false;                     // every datagram is scheduled anew; UDP

    bool operator==(const Ipvs&) const = default;
};

/// The packets that netfilter has marked so, in place of those for VIPs and ports.
struct Mark {
    uint32_t number = 1;  // not 0
    net::Family family = net::Family::v4;

    auto operator<=>(const Mark&) const = default;
};

enum class IpvsRole : uint8_t { master, backup, both };
std::string_view to_text(IpvsRole role);

/// The kernel's own daemon that tells other balancers of its connections, or hears of theirs.
struct IpvsSync {
    IpvsRole role = IpvsRole::both;
    std::string interface{};          // by which the others are reached
    uint8_t id = 0;                   // of the group; a backup hears masters of its own id alone, 0 all
    std::optional<net::Ip> group{};   // multicast; default of the kernel: 224.0.0.81
    std::optional<net::Port> port{};  // default of the kernel: 8848
    std::optional<uint8_t> ttl{};     // default of the kernel: 1

    bool operator==(const IpvsSync&) const = default;
};

/// How long IPVS keeps an idle connection. Those that are missing stay as the kernel has them.
struct IpvsTimeouts {
    std::optional<std::chrono::seconds> tcp{};
    std::optional<std::chrono::seconds> tcp_fin{};
    std::optional<std::chrono::seconds> udp{};

    bool operator==(const IpvsTimeouts&) const = default;
};

}  // namespace weir::model
