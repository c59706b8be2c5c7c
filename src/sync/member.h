// This balancer as a member of a group that shares its flows: takes datagrams in, believes what may be
// believed, and tells of its own flows. No sockets and no timers: somebody calls step() every now and then.
#pragma once

#include "sync/snapshot.h"

namespace weir::sync {

/// Group and peers.
std::vector<net::Endpoint> everybody_in(const model::Sync& settings);

class Member {
  public:
    /// `self`: this run. The store and the transport outlive it.
    Member(uint64_t self, model::FlowStore& store, Transport& transport, Random random, OnNews on_news);

    /// Before the first step(). What is known of the peers stays. `node`: for the peers to know it by.
    void set(const model::Sync& settings, std::optional<net::Ip> node);

    /// Takes what has come and sends what is due; to be called every kStep.
    void step(Time now);

    /// Tells the peers that no more will come.
    void leave(Time now);

    /// Whether the flows of the others are known, or nobody is there to tell them.
    bool knows_flows(Time now) const;

    /// Whether this balancer would answer for VIPs in their own networks.
    void stand(bool ready) { ready_ = ready; }
    /// Whether another one that would comes first (roster.h).
    bool is_outranked() const { return roster_.outranks(node_); }

    /// All but what the transport knows.
    void report_to(Report& report, Time now) const;

    static constexpr std::chrono::milliseconds kStep{20};
    static constexpr size_t kMostReceived = 500;  // a step
    static constexpr size_t kMostStrange = 64;    // a step: of those from addresses that are no peer's

  private:
    using Verdict = std::optional<Refused>;

    void take(const net::Endpoint& from, std::span<const uint8_t> datagram, Time now);
    Verdict judge(const net::Endpoint& from, std::span<const uint8_t> datagram, Time now);
    Verdict authenticate(const Header& header, const net::Endpoint& from, std::span<const uint8_t> datagram);
    Verdict take_heartbeat(const Header& header, const net::Endpoint& from, std::span<const uint8_t> body,
                           Time now);
    Verdict take_from(Peer& peer, const Header& header, std::span<const uint8_t> body, Time now);
    Verdict take_flows(Peer& peer, const Header& header, std::span<const uint8_t> body, Time now);
    void say_heartbeat(Time now, bool leaving);

    struct Received {
        uint64_t datagrams = 0;
        uint64_t bytes = 0;
        std::array<RefusedCount, kRefused> refused{};
    };

    uint64_t self_;
    model::FlowStore& store_;
    Transport& transport_;
    Roster roster_;
    Outbox outbox_;
    Teller teller_;
    Joining joining_;
    Serving serving_;
    Keys keys_;
    uint32_t fingerprint_ = 0;
    unsigned share_ = 0;
    std::optional<net::Ip> node_;
    bool ready_ = false;
    std::optional<Time> began_;
    std::optional<Time> last_heartbeat_;
    bool answer_soon_ = false;
    size_t strange_left_ = 0;
    Received received_;
};

}  // namespace weir::sync
