// Everybody whom this balancer hears, and how far it believes them. Pure but for the random numbers and the
// clock that it is given.
//
// A datagram that is signed with a key of the group may still be a recording. So whoever is new gets a random
// challenge, and is believed from the heartbeat on that echoes it; from then on no sequence number is taken
// twice. Who is forgotten gets another challenge when he comes again.
#pragma once

#include <functional>
#include <map>

#include "model/event_kind.h"
#include "sync/report.h"
#include "sync/window.h"
#include "sync/wire.h"

namespace weir::sync {

using Time = std::chrono::steady_clock::time_point;
using Random = std::function<uint64_t()>;
using OnNews = std::function<void(model::EventKind kind, std::string message, std::optional<net::Ip> peer)>;

inline constexpr std::chrono::milliseconds kHeartbeatEvery{500};
inline constexpr std::chrono::seconds kSilentAfter{5};
inline constexpr std::chrono::seconds kForgottenAfter{60};
inline constexpr size_t kMostPeers = kMostHeard;

/// In microseconds, as heartbeats have it.
uint64_t clock_of(Time time);

struct Peer {
    uint64_t id = 0;  // of its run
    net::Endpoint endpoint{};
    uint64_t challenge = 0;  // ours, for it to echo
    uint64_t echo = 0;       // its own, for us
    uint64_t sent = 0;       // the sequence number of what went to it alone
    PeerState state = PeerState::greeting;
    bool proven = false;       // it has echoed our challenge
    bool believes_us = false;  // it says that we have echoed its own
    bool missed = false;       // it was up and silent for a while: what it told meanwhile is missing here
    Window to_all{};
    Window to_us{};
    Time first_heard{};
    Time last_heard{};
    Time last_heartbeat{};
    Heartbeat said{};  // without `heard`
    uint32_t fingerprint = 0;
    PeerRow counts{};  // only the totals, the round trip and lost_there

    std::string name() const { return said.node.value_or(endpoint.address).text(); }
    uint64_t lost() const { return to_all.lost() + to_us.lost(); }
};

class Roster {
  public:
    Roster(uint64_t self, Random random, OnNews on_news)
        : self_(self), random_(std::move(random)), on_news_(std::move(on_news)) {}

    /// Null where nobody of that id is known.
    Peer* find(uint64_t id);
    bool knows(const net::Endpoint& from) const;
    /// Somebody new; null where there are too many. A newcomer takes the place of one that has proved
    /// nothing.
    Peer* admit(uint64_t id, const net::Endpoint& from, Time now);

    /// Whether a datagram's number is one that has not come yet, and counts it.
    static bool is_fresh(Peer& peer, const Header& header);

    /// A heartbeat that is authentic, and fresh where the peer is proven. True where an answer is due soon.
    bool heard(Peer& peer, const Header& header, const Heartbeat& heartbeat, Time now);

    /// Who has fallen silent, and who is to be forgotten.
    void age(Time now);

    /// What our heartbeat says of the others.
    std::vector<Heard> all_heard(Time now) const;

    bool is_empty() const { return peers_.empty(); }
    bool anybody_up() const;
    /// Whether one that is up and ready has a lower node address; of equal ones, or none, a lower id.
    bool outranks(const std::optional<net::Ip>& node) const;
    template <class Visit>
    void each_up(Visit visit) {
        for (auto& [id, peer] : peers_)
            if (peer.state == PeerState::up) visit(peer);
    }

    /// One for each endpoint.
    std::vector<PeerRow> rows(uint32_t fingerprint, Time now) const;

  private:
    uint64_t challenge();
    void look_for_us(Peer& peer, const Header& header, const Heartbeat& heartbeat, Time now);
    void settle(Peer& peer, Time now);
    void came_up(Peer& peer);
    void went(Peer& peer, PeerState state, const std::string& why);
    PeerRow row_of(const Peer& peer, uint32_t fingerprint, Time now) const;

    uint64_t self_;
    Random random_;
    OnNews on_news_;
    std::map<uint64_t, Peer> peers_;  // by id
};

}  // namespace weir::sync
