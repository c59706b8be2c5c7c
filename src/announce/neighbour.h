// Announces VIPs to the neighbours on the attached interfaces by ARP and neighbour discovery, so that a
// takeover does not wait for their caches. The datapath answers those who ask; this speaks unasked: when a
// VIP becomes healthy, when the daemon starts, when an interface comes up. See doc/arp.md.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "announce/announcer.h"
#include "announce/schedule.h"
#include "base/unique_fd.h"

namespace weir::announce {

/// Of the network namespace of the thread that uses it.
class NeighbourAnnouncer final : public Announcer {
  public:
    explicit NeighbourAnnouncer(const boost::asio::any_io_executor& executor) : timer_(executor) {}

    void announce(const model::Plan& plan, const std::vector<std::string>& attached) override;

  private:
    std::vector<Place> places(const std::vector<std::string>& attached) const;
    void arm();
    void send(const std::vector<Announcement>& announcements) const;

    UniqueFd socket_;  // opened when there is something to announce
    Schedule schedule_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<bool> alive_ =
        std::make_shared<bool>(true);  // what waits looks here before it touches *this
};

}  // namespace weir::announce
