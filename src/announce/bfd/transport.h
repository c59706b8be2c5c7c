// All BFD sessions with their sockets and timers, on the one thread of the executor. No more than some ten
// of them: each has a timer, and packets are read one by one.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>

#include "announce/bfd/wanted.h"
#include "announce/bgp_report.h"

namespace weir::announce::bfd {

struct Change {
    net::Ip peer;
    State from = State::down;
    State to = State::down;
    State remote = State::down;
    Diagnostic diagnostic = Diagnostic::none;
};

/// By the peer's address.
using ParkedSessions = std::map<net::Ip, Parked>;

struct Seen {
    std::map<net::Ip, BfdRow> rows{};
    uint64_t strangers_total = 0;
};

class Transport {
  public:
    using OnChange = std::function<void(const Change& change)>;

    Transport(boost::asio::any_io_executor executor, OnChange on_change);
    ~Transport();

    /// The sessions from now on. Who is no longer wanted is told so.
    void set(const std::vector<Wanted>& wanted, const ParkedSessions& parked = {});
    Seen seen() const;

    /// Asks all peers for patience: Session::park().
    void park(Session::Duration patience);
    /// Whether all whose sessions are up have agreed.
    bool is_parked() const;
    /// Ends without a word to those who have agreed, and tells the others.
    ParkedSessions take_parked();

  private:
    struct Link;
    struct Receiver;

    std::shared_ptr<Link> make(const Wanted& wanted, const ParkedSessions& parked);
    uint32_t fresh_discriminator();
    Status open(Link& link);
    Result<std::shared_ptr<Receiver>> receiver(const net::Ip& local, bool multihop);
    void listen(const std::shared_ptr<Receiver>& receiver);
    bool drain(Receiver& receiver);
    void apply(Link& link, const Step& step);
    void send(Link& link, const Packet& packet);
    void farewell(Link& link);
    void arm(Link& link);
    void tick(Link& link);

    boost::asio::any_io_executor executor_;
    OnChange on_change_;
    std::map<net::Ip, std::shared_ptr<Link>> links_;
    std::map<net::Endpoint, std::shared_ptr<Receiver>> receivers_;
    uint64_t strangers_total_ = 0;
};

}  // namespace weir::announce::bfd
