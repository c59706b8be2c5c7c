// Bidirectional Forwarding Detection (RFC 5880): notices within milliseconds that the path to a peer is gone.
// The sessions live on a thread of their own, because the control thread may be busy for longer than their
// peers have patience; it gets the lowest real-time priority where that is allowed. Values go to and fro,
// and nothing is shared. See doc/bgp.md.
//
// Used on the executor's one thread, where the callbacks are called as well.
#pragma once

#include "announce/bfd/transport.h"

namespace weir::announce::bfd {

class Detector {
  public:
    Detector(boost::asio::any_io_executor executor, Transport::OnChange on_change);
    /// As end().
    ~Detector();

    /// These are to go on where another daemon has left them; before the first set().
    void resume(ParkedSessions parked) { resumed_ = std::move(parked); }
    /// All the sessions, which replace the former.
    void set(std::vector<Wanted> wanted);

    /// For good: leaves the sessions that are up to another daemon, for which peers will wait so long.
    /// `done` is called once, soon; that peers agreed takes no longer than a packet to and fro.
    void park(std::chrono::seconds patience, std::function<void(ParkedSessions)> done);
    /// For good, if it has not ended before: tells the peers that it was meant so (AdminDown), which are
    /// then not to take it for a failure. The packets are out when it returns.
    void end();

    /// As of now after a change of state, else a second old at most.
    const Seen& seen() const { return seen_; }

  private:
    class Worker;

    void start();

    boost::asio::any_io_executor executor_;
    Transport::OnChange on_change_;
    std::vector<Wanted> wanted_;
    ParkedSessions resumed_;
    Seen seen_;
    bool ended_ = false;
    std::shared_ptr<char> alive_ = std::make_shared<char>();
    std::unique_ptr<Worker> worker_;  // there are sessions, or were
};

}  // namespace weir::announce::bfd
