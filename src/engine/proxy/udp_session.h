// One client of a UDP frontend and the backend that has it: a socket connected to the backend, so that its
// answers and its ICMP errors are this client's. Of the worker's thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "engine/proxy/udp_common.h"

namespace weir::engine::proxy {

class UdpSessions;

class UdpSession : public Watcher {
  public:
    /// Where the table has it: the table's alone.
    struct Place {
        std::list<UdpSession*>::iterator at{};
        bool talks = false;  // more than one datagram came from the client
        Loop::Time used{};
    };

    UdpSession(UdpCommon& common, UdpSessions& table, const net::Endpoint& client, UdpAdmission admission);

    const net::Endpoint& client() const { return client_; }
    /// Of the backend that it has; nothing while it has none.
    const net::Endpoint* backend() const { return socket_ ? &backend_ : nullptr; }

    /// To its settings.
    void follow(const Route& route);
    /// Puts what came from the client with what goes to the backend, as far as the rates let it through.
    void take(const Arrival& arrival);
    /// To its backend; where it has none, or loses it now, to another. False: there is none, and the session
    /// is of no use.
    bool send();
    /// Answers, or an error.
    void ready(uint32_t events) override;
    /// It has nothing any more, and nothing happens to it.
    void close();

    Place place;
    size_t group = 0;  // of what came in this round: the listener's

  private:
    std::optional<Arrival> let_through(const Arrival& arrival, Rate& of_service, Rate& own) const;
    void note_sent(const UdpOutbox::Amount& sent);
    std::vector<size_t> places_tried() const;
    std::optional<Reason> find_backend();
    void drop_rest(Reason reason);
    int connect_to(const Target& target);
    void deliver(size_t messages);
    void note_failure(Tallies& tallies) const;
    void lose_backend(size_t undelivered);
    void leave_backend();
    void widen(size_t payload);
    Tally& tally_of(Tallies& tallies) const { return tallies.by_worker[worker_]; }

    UdpCommon& common_;
    UdpSessions& table_;
    net::Endpoint client_;
    size_t worker_;
    UdpAdmission admission_;
    std::shared_ptr<Tallies> of_front_;  // where it is counted, whatever route there is later

    UniqueFd socket_;
    net::Endpoint backend_;
    std::shared_ptr<Tallies> tallies_;    // of the backend
    std::vector<net::Endpoint> refused_;  // it, since an answer came
    Rate to_backend_, to_client_;
    int64_t unanswered_ = 0;
    size_t last_size_ = 0;  // of what was sent last
    bool client_fragments_ = false;
    bool fragments_ = false;  // what does not fit the path goes in fragments
    bool waits_ = false;      // for its turn
};

}  // namespace weir::engine::proxy
