// What IPVS, the kernel's own balancer, has and is told, as values. The words are the kernel's: a service has
// destinations.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "net/ip.h"

namespace weir::engine::ipvs {

/// An address, port and protocol; or, where there is a mark, the packets that netfilter has marked so.
struct ServiceKey {
    net::Ip address;       // of a mark 0.0.0.0 or ::, for its family
    net::Port port{0};     // 0: every port; the kernel takes that with persistence only
    uint8_t protocol = 0;  // of IP; 0 with a mark
    uint32_t mark = 0;

    net::Family family() const { return address.family(); }
    /// `192.0.2.1:80/tcp`, `mark 7/inet6`.
    std::string text() const;
    auto operator<=>(const ServiceKey&) const = default;
};

// Of a service: linux/ip_vs.h.
inline constexpr uint32_t kPersistent = 0x1, kHashed = 0x2, kOnePacket = 0x4;

struct Service {
    std::string scheduler;
    uint32_t flags = 0;        // kPersistent, kOnePacket, the scheduler's three
    uint32_t persistence = 0;  // seconds
    uint8_t netmask = 32;      // bits of a client's address that persistence looks at

    /// For the log: `wlc`, `sh, flags 0x18, persistence 300 s over /24`.
    std::string text() const;
    bool operator==(const Service&) const = default;
};

/// As the kernel numbers them. `local` and `bypass` are never asked for.
enum class Method : uint8_t { nat = 0, local = 1, tunnel = 2, direct = 3, bypass = 4 };
enum class TunnelKind : uint8_t { ipip = 0, gue = 1, gre = 2 };

inline constexpr uint16_t kTunnelChecksum = 1;

struct Tunnel {
    TunnelKind kind = TunnelKind::ipip;
    uint16_t port = 0;   // of gue: where the backend unpacks
    uint16_t flags = 0;  // kTunnelChecksum

    bool operator==(const Tunnel&) const = default;
};

struct Destination {
    Method method = Method::nat;
    Tunnel tunnel{};
    uint32_t weight = 1;  // 0 takes no new connections
    uint32_t upper = 0;   // connections with which it gets no new ones; 0: any number
    uint32_t lower = 0;   // fewer than so many, and it gets new ones again; 0: three quarters of `upper`

    /// For the log: `direct, weight 1`.
    std::string text() const;
    bool operator==(const Destination&) const = default;
};

/// What the kernel counts of a destination. It adds packets up every two seconds.
struct Use {
    uint32_t active = 0;    // connections that are established
    uint32_t inactive = 0;  // all others: of UDP every one
    uint64_t connections_total = 0;
    uint64_t packets_total = 0;  // towards the backend
    uint64_t bytes_total = 0;    // of the IP packets

    bool is_idle() const { return active == 0 && inactive == 0; }
    bool operator==(const Use&) const = default;
};

struct FoundDestination {
    Destination settings;
    Use use{};

    bool operator==(const FoundDestination&) const = default;
};

struct FoundService {
    Service settings;
    std::map<net::Endpoint, FoundDestination> destinations{};

    bool operator==(const FoundService&) const = default;
};

/// The kernel's daemon that tells other balancers of connections (master), or hears of theirs (backup). What
/// is not said is the kernel's default when it is started, and left alone when it is compared.
enum class Role : uint8_t { master = 1, backup = 2 };

struct SyncDaemon {
    std::string interface{};
    uint32_t id = 0;
    std::optional<net::Ip> group{};
    std::optional<uint16_t> port{};
    std::optional<uint8_t> ttl{};

    /// Whether a daemon that runs is what is wanted here.
    bool allows(const SyncDaemon& running) const;
    bool operator==(const SyncDaemon&) const = default;
};

/// Seconds until an idle connection is forgotten. Of those that are wanted, missing ones are left alone.
struct Timeouts {
    std::optional<uint32_t> tcp{};
    std::optional<uint32_t> tcp_fin{};
    std::optional<uint32_t> udp{};

    bool operator==(const Timeouts&) const = default;
};

}  // namespace weir::engine::ipvs
