// The plan: the whole state that an engine should have, made from the configuration and from health by a pure
// function.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/shared_list.h"
#include "model/config.h"
#include "model/override.h"
#include "model/tiers.h"

namespace weir::model {

/// One VIP (or a prefix of them), port (or a range, or all) and protocol (or all): what the datapath looks
/// up. Where several match a packet, the longest prefix wins, then the protocol that is named, then the
/// fewest ports.
struct FrontendKey {
    net::Ip vip;  // of a prefix its first address
    net::Port port{1};
    Protocol protocol = Protocol::tcp;
    uint16_t more_ports = 0;  // behind `port`
    uint8_t free_bits = 0;    // of the VIP, from the right: those that a prefix leaves open
    uint32_t mark = 0;        // firewall mark, in place of all else but the family; 0: none

    /// Its VIP is 0.0.0.0 or ::, its ports and protocols are all.
    static FrontendKey of(const Mark& mark);
    bool is_mark() const { return mark != 0; }
    net::Prefix vips() const;
    /// Whom a probe calls: the VIP, or the first of a prefix's that stands for a host.
    net::Ip probe_address() const;
    bool every_port() const { return more_ports == 0xffff; }
    /// `192.0.2.1`, `192.0.2.0/24`, `mark 7/inet`.
    std::string vip_text() const;
    /// `80`, `8000-8099`, `any`.
    std::string port_text() const;
    /// `192.0.2.1:80/tcp`, `[2001:db8::/64]:any/udp`, `mark 7/inet6`.
    std::string text() const;
    auto operator<=>(const FrontendKey&) const = default;
};

/// One backend behind one frontend: the unit that is checked, forwarded to and counted.
struct TargetKey {
    FrontendKey frontend;
    net::Ip backend;

    auto operator<=>(const TargetKey&) const = default;
};

/// Whether a target may be used, and if not, why, in words for the operator.
struct Health {
    bool up = false;
    std::string reason;

    bool operator==(const Health&) const = default;
};

/// Of targets that have none yet, the service decides: with checks they start down, without they are up.
using HealthMap = std::map<TargetKey, Health>;

/// How much of a target counts just now: what changes with time and load.
struct Allowance {
    uint32_t fraction = kWhole;  // of its weight, from 1 on
    bool full = false;           // it has as many flows as it may
    std::string reason{};        // why not the whole, in words for the operator

    bool operator==(const Allowance&) const = default;
};
/// Those that are missing have all.
using Allowances = std::map<TargetKey, Allowance>;

/// The flows that a target takes.
enum class Accepts : uint8_t { nothing, established, all };

struct Target {
    Backend backend;  // with the operator's override
    Health health;
    Accepts accepts = Accepts::nothing;
    Tier tier = 0;
    bool usable = true;          // it could take new flows, though another tier may have them
    uint32_t fraction = kWhole;  // of the backend's weight that counts among those that accept all
    std::string limited{};       // why it takes less than its weight's share although it is up, or more

    bool operator==(const Target&) const = default;
};

/// Who takes a frontend's new flows.
enum class Serving : uint8_t { nothing, pool, backup, fallback, fail_open };

struct Frontend {
    FrontendKey key;
    std::string service;
    EngineKind engine = EngineKind::xdp;
    Forward forward{};
    Scheduler scheduler{};
    std::optional<Ipvs> ipvs{};    // there exactly where that is the engine
    std::optional<Proxy> proxy{};  // likewise
    std::optional<Sticky> sticky{};
    std::vector<QuicConfig> quic{};
    bool announce_arp = false;
    std::vector<Target> targets{};  // in the order of the pools, each address once
    bool healthy = false;           // at least `need` targets of the tiers are usable or full
    Serving serving = Serving::pool;
    uint32_t overflowing = 0;  // the part of new flows that backup pools take, in parts of kWhole

    /// It has somebody to answer: enough backends, or what the operator wants instead.
    bool answers() const { return healthy || serving == Serving::fallback || serving == Serving::fail_open; }

    bool operator==(const Frontend&) const = default;
};

struct Plan {
    std::optional<net::Ip> node_address{};
    std::vector<Interface> interfaces;
    Vlans vlans;
    Flows flows;
    Icmp icmp;
    Unmatched unmatched = Unmatched::drop;
    std::chrono::seconds watchdog{0};
    std::optional<IpvsSync> ipvs_sync{};
    std::optional<IpvsTimeouts> ipvs_timeouts{};
    ProxyEngine proxy{};
    std::optional<uint64_t> flow_secret{};  // of the flow hash, where balancers share one; else any
    bool silent = false;     // no VIP is announced, however healthy: the daemon learns, or is about to go
    bool stands_by = false;  // nor answered for by ARP or ND: another balancer of the group does
    SharedList<Frontend> frontends;  // ordered by key

    bool operator==(const Plan&) const = default;
};

/// VIPs × ports, or the mark.
std::vector<FrontendKey> frontends_of(const Service& service);

/// Every target of a configuration, ordered: what is to be resolved and checked.
std::vector<TargetKey> targets_of(const Config& config);

/// Pure: the same inputs give the same plan. The configuration has been checked (every pool exists, frontends
/// distinct).
Plan plan(const Config& config, const HealthMap& health, const Allowances& allowances = {},
          const Overrides& overrides = {});

/// As plan(), where only these services' inputs have changed since `former` was made from the same
/// configuration: their frontends are made anew, the others are the very same. Of `health` and `allowances`
/// no more than theirs is looked at.
Plan replan(const Plan& former, const std::set<std::string>& services, const Config& config,
            const HealthMap& health, const Allowances& allowances, const Overrides& overrides);

/// Whether both have the same backends behind the same frontends, in the same order and reached in the same
/// way: what differs is health, weights and the like.
bool same_targets(const Plan& a, const Plan& b);

/// Every VIP, and prefix of VIPs: whether weir says by ARP and neighbour discovery that it is here. That
/// takes a service that asks for it, and that all services of the VIP have somebody to answer. Of several
/// prefixes around one address the longest counts. A mark has no VIP. None of a plan that is silent or stands
/// by.
std::map<net::Prefix, bool> announced_vips(const Plan& plan);

/// At which of the backend's own ports NAT brings what was sent to a port of the VIP's. A port that is none
/// of the service's stays as it is.
net::Port port_behind(const FrontendKey& frontend, const Backend& backend, net::Port asked);

/// The VLAN that the configuration puts an address in.
std::optional<uint16_t> vlan_of(const Vlans& vlans, const net::Ip& address);

/// TCP, UDP and SCTP.
bool has_ports(Protocol protocol);

std::string_view to_text(Accepts accepts);
std::string_view to_text(Serving serving);

}  // namespace weir::model
