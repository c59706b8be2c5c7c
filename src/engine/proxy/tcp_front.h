// One worker's part of one TCP frontend: it accepts, finds room and a backend for each connection, and has
// the relays that carry them. Connections for which there is neither wait in a queue, first come, first
// served.
#pragma once

#include <deque>
#include <expected>
#include <list>
#include <memory>
#include <optional>

#include "engine/proxy/acceptor.h"
#include "engine/proxy/chooser.h"
#include "engine/proxy/front.h"
#include "engine/proxy/relay.h"
#include "engine/proxy/throttle.h"
#include "engine/proxy/workbench.h"

namespace weir::engine::proxy {

/// In the loop's thread, from the first to the last.
class TcpFront final : public Front, private RelayHost {
  public:
    static Result<std::unique_ptr<TcpFront>> open(const Around& around, std::shared_ptr<const Route> route);
    /// What there still is ends by RST.
    ~TcpFront() override;

    void set(std::shared_ptr<const Route> route) override;
    void leave(std::function<void()> done) override;

    /// Where it listens, while it does.
    std::optional<net::Endpoint> bound() const;
    /// Connections that it has, and of them those that wait in the queue.
    size_t connections() const { return relays_.size(); }
    size_t waiting() const { return queue_.size(); }

  private:
    struct Waiting {
        Relay* relay;
        Loop::Time due;
    };
    struct Seat {
        Room room;
        Choice choice;
    };

    TcpFront(const Around& around, std::shared_ptr<const Route> route);
    Status listen();
    void stop_listening();
    void end_removed();
    void tell_if_left();
    void accept(UniqueFd client, const net::Endpoint& from);
    std::expected<Seat, Reason> find_seat(const Relay& relay);
    void serve_queue();

    void seat(Relay& relay) override;
    std::optional<Choice> choose(const std::shared_ptr<const Route>& route, const net::Endpoint& client,
                                 std::span<const size_t> tried) override;
    /// For another token.
    bool is_worth_waiting(const Route& route) const override { return route.tokens != nullptr; }
    std::optional<Choice> take_token();
    Throttle& throttle(Direction direction) override;
    void ran_out() override;
    void ended(Relay& relay) override;

    const std::shared_ptr<Workbench> bench_ = Workbench::of_this_thread();
    const Site site_;
    std::shared_ptr<const Route> route_;
    std::shared_ptr<const Terms> terms_;
    Chooser chooser_;
    std::shared_ptr<Tallies> of_tokens_;  // of whatever backends they name
    std::unique_ptr<Acceptor> acceptor_;
    std::array<Throttle, 2> throttles_;
    std::list<std::unique_ptr<Relay>> relays_;
    std::deque<Waiting> queue_;
    Reason lacking_ = Reason::no_backend;  // why the first of the queue does not get on
    Alarm queue_alarm_;
    std::function<void()> on_left_;
};

}  // namespace weir::engine::proxy
