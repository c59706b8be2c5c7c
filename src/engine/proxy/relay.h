// One client's connection, and the one to its backend: from accept() until both are closed. First it may wait
// for a PROXY header, then for room and a backend, then for the backend's answer; then it carries. What one
// side does the other gets: bytes, an end (FIN), a reset (RST).
#pragma once

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/proxy/front.h"
#include "engine/proxy/ledger.h"
#include "engine/proxy/loop.h"
#include "engine/proxy/pump.h"
#include "engine/proxy/room.h"
#include "engine/proxy/throttle.h"

namespace weir::engine::proxy {

/// What holds for the connections that come while a front has one route.
struct Terms {
    model::Proxy settings;
    std::shared_ptr<Budget> budget;
};

/// A place among a route's targets.
struct Choice {
    std::shared_ptr<const Route> route;
    size_t target;
};

/// What relays ask of the front that has them.
class RelayHost {
  public:
    virtual ~RelayHost() = default;
    /// It knows its client, and wants room and a backend: go() or refuse() follows, maybe later.
    virtual void seat(Relay& relay) = 0;
    /// Another backend, where those tried have failed. If there is none now, seat() may be asked for one.
    virtual std::optional<Choice> choose(const std::shared_ptr<const Route>& route,
                                         const net::Endpoint& client, std::span<const size_t> tried) = 0;
    virtual bool is_worth_waiting(const Route& route) const = 0;
    virtual Throttle& throttle(Direction direction) = 0;
    /// There was no descriptor, or no memory, for it.
    virtual void ran_out() = 0;
    /// It is to be buried.
    virtual void ended(Relay& relay) = 0;
};

/// What is around relays. Needed by none that has ended.
struct Site {
    Around around;
    Workbench& bench;
    RelayHost& host;
};

class Relay final : public Watcher {
  public:
    using Place = std::list<std::unique_ptr<Relay>>::iterator;

    Relay(const Site& site, UniqueFd client, const net::Endpoint& from, std::shared_ptr<const Terms> terms);

    void begin();
    /// It has room: connects to this target, then to others if that fails.
    void go(Choice choice, std::shared_ptr<const Terms> terms, Room room);
    /// By RST on both sides.
    void refuse(Reason reason);
    void give_up() { end(true); }
    /// Bytes of the service's rate that it has waited for.
    void grant(Direction direction, size_t bytes);

    /// Who the client is, by its PROXY header if it sends one. Before it has its backend.
    const net::Endpoint& client() const { return opening_->client; }
    /// That it has, or has called.
    const std::optional<net::Endpoint>& backend() const { return target_; }
    Rate& rate(Direction direction) const;

    /// In the list of its front, which sets it.
    Place place{};

    void ready(uint32_t events) override;

  private:
    enum class Phase : uint8_t { header, waiting, calling, carrying, over };

    class End final : public Watcher {
      public:
        explicit End(Relay& relay) : relay_(relay) {}
        void ready(uint32_t events) override { relay_.heard(*this, events); }

        Line line;

      private:
        Relay& relay_;
    };

    /// What is needed until the backend has answered.
    struct Opening {
        net::Endpoint client;
        std::optional<net::Endpoint> asked{};  // what it has connected to, by its PROXY header
        std::shared_ptr<const Route> route{};
        std::vector<size_t> tried{};  // places in the route, or in routes; the last is being called
        unsigned calls = 0;           // of backends, all that there were
        size_t early = 0;             // bytes that went with the SYN
        Loop::Time due = Loop::Time::max();
    };

    void heard(End& end, uint32_t events);
    void read_header();
    void call();
    void call_next();
    bool call_one();
    void call_failed();
    void wait_again();
    void answered(uint32_t events);
    void taken();
    std::vector<uint8_t> header() const;
    std::span<const uint8_t> first_bytes();

    void carry();
    void carry(Direction direction, size_t granted);
    void settle(Direction direction, Pump::State state);
    bool is_limited(Direction direction) const;
    size_t allowance(Direction direction, size_t wanted);
    size_t at_own_pace(Direction direction, size_t granted);
    void give_back(Direction direction, size_t bytes);
    Pump& pump(Direction direction) { return pumps_[static_cast<size_t>(direction)]; }

    void set_alarm();
    Loop::Time due() const;
    void rang();
    void end(bool by_reset);

    const Site& site_;
    std::shared_ptr<const Terms> terms_;
    End client_;
    End backend_;
    std::array<Pump, 2> pumps_;
    std::unique_ptr<Opening> opening_;
    std::unique_ptr<std::array<Rate, 2>> paces_;  // its own; none where they are unlimited
    Ledger ledger_;
    Room room_;
    std::optional<net::Endpoint> target_;
    Alarm alarm_;
    Loop::Time alarm_due_ = Loop::Time::max();
    Loop::Time began_;
    Loop::Time active_;  // something was last carried
    Loop::Time paced_ = Loop::Time::max();
    Phase phase_ = Phase::waiting;
    std::array<bool, 2> is_shut_{};
};

/// An idle connection costs no more of the process's memory than this and the alarm's place in its tree.
static_assert(sizeof(Relay) <= 512);

}  // namespace weir::engine::proxy
