// Where backends are: for each watched address the interface towards it and its MAC, or why not, kept up to
// date.
//
// The route comes from the kernel's own lookup, the MAC from the kernel's neighbour table. weir makes the
// kernel resolve (NTF_USE, as a packet would) when it starts to watch, every second while there is no answer,
// and about every ten seconds afterwards; the kernel's answers and changes come as rtnetlink events. Each
// such pass reads route and neighbour anew, so a lost event only costs time. Nothing else of the host is
// changed.
//
// A MAC once known is kept until the kernel says that the neighbour failed: entries that go stale or are
// collected stop no traffic. With many backends the kernel's table must have room
// (net.ipv4.neigh.default.gc_thresh3, 1024 by default, and the same of ipv6); where it has not, find() says
// so.
//
// One thread: all of it, and on_change, runs on the executor. The network namespace is that of the thread in
// open().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "net/agenda.h"
#include "net/ip.h"
#include "net/netlink.h"
#include "net/rtnetlink.h"

namespace weir::net {

/// How to reach a backend in one hop: where the frame leaves, and its two MACs.
struct Neighbour {
    int interface = 0;
    Mac mac;
    Mac source_mac;

    bool operator==(const Neighbour&) const = default;
};

class Neighbours {
  public:
    /// `on_change` is called once after each batch of events in which a link or the way to a watched address
    /// changed. It may call watch(), but not destroy this object.
    static Result<std::unique_ptr<Neighbours>> open(boost::asio::any_io_executor executor,
                                                    std::function<void()> on_change);
    ~Neighbours();

    /// The whole set replaces the former; new addresses are resolved at once, 500 in each tenth of a second.
    void watch(const std::set<Ip>& addresses);

    /// Of a watched address. The error says why a frame cannot be sent to it.
    Result<Neighbour> find(const Ip& address) const;

    std::optional<Link> link(const std::string& name) const;
    std::optional<Link> link(int index) const;
    /// By index.
    const std::map<int, Link>& links() const { return links_; }

  private:
    /// `interface` 0: there is no direct way. Without `mac`, `why` says the reason.
    struct Watched {
        int interface = 0;
        std::optional<Mac> mac;
        std::string why;
        bool failing = false;  // the kernel says that it does not answer; believed at the next examination
    };
    using Entry = std::map<Ip, Watched>::value_type;

    Neighbours(boost::asio::any_io_executor executor, std::function<void()> on_change, Netlink requests,
               Netlink events);

    Status read_everything();
    void wait_for_events();
    void take_events();
    void take(const nlmsghdr& message);
    void take_link(const Link& link);
    void take_address(const AddressMessage& message);
    void take_neighbour(Entry& entry, const NeighbourMessage& message);
    void reexamine(int interface);
    void reexamine(const Prefix& prefix);

    void examine(Entry& entry);
    Result<int> direct_interface(const Ip& address);
    void settle_failed(Entry& entry);
    void settle(Entry& entry, int interface, std::optional<Mac> mac, std::string why);
    void arm();
    void tick();
    void finish_batch();

    Netlink requests_;
    Netlink events_;
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer timer_;
    std::function<void()> on_change_;
    std::map<int, Link> links_;
    std::map<Ip, Watched> watched_;
    Agenda agenda_;
    bool changed_ = false;
    std::shared_ptr<bool> alive_ =
        std::make_shared<bool>(true);  // what waits looks here before it touches *this
};

}  // namespace weir::net
