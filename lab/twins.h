// Two balancers with one VIP behind a router that spreads flows over both (ECMP) and learns by BGP who is
// there: BIRD with merged paths. Three backends, a client beyond the router. What `weir demo --ecmp` and the
// test of a balancer's death stand on.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>

#include "lab/bird.h"
#include "lab/chat.h"
#include "lab/daemon.h"
#include "lab/routed.h"

namespace weir::lab {

struct TwinsOptions {
    std::string lab = "twins";
    bool sync = true;  // the balancers share their flows
    bool bfd = true;   // the router notices a death by BFD; else by the hold time of 3 s
};

class Twins {
  public:
    static constexpr const char* kVip = "192.168.101.1";
    static constexpr const char* kPort = "7";

    /// `binary` runs as both balancers.
    Twins(const TwinsOptions& options, const std::string& binary);

    net::Endpoint vip() const;
    Routed& routed() { return routed_; }
    Host& client() { return routed_.client(); }
    Daemon& daemon(size_t i) { return *daemons_.at(i); }
    Bird& bird() { return *bird_; }

    /// How many balancers the router has a path to.
    size_t paths();
    /// What `weir sync --json` would say of a balancer's flows: those that it has from the other.
    uint64_t flows_from_peers(size_t i);

    /// So many backends, from the first on, are in both balancers' pools from now on.
    void use_backends(size_t count);

    /// As if its power failed: its processes and its cable are gone at once, and its tables.
    void lose_power(size_t i);
    /// It boots again, knowing nothing.
    void boot(size_t i);

  private:
    std::string config(size_t i) const;

    TwinsOptions options_;
    Routed routed_;
    TempDir secrets_;
    size_t backends_ = 3;
    std::deque<ChatServer> servers_;
    std::optional<Bird> bird_;
    std::array<std::optional<Daemon>, 2> daemons_;
    std::string binary_;
};

}  // namespace weir::lab
