// Where backends are: for each watched address how a frame gets to it or to the gateway before it, or why
// not, kept up to date.
//
// The way comes from the kernel's own lookup (RTM_GETROUTE), which also chooses among several gateways; the
// MAC from the kernel's neighbour table (net/resolver.h). A change comes as an rtnetlink event, and each
// address is looked up anew about every ten seconds (of more than 10,000 a thousand in a second), so a lost
// event, or a change that the kernel does not tell, only costs time. Nothing else of the host is changed.
// Where a changed route leads to a next hop of which the kernel has said nothing yet, the former way holds
// until it does.
//
// With many backends the kernel's table must have room (net.ipv4.neigh.default.gc_thresh3, 1024 by default,
// and the same of ipv6); where it has not, find() says so.
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
#include "net/resolver.h"
#include "net/rtnetlink.h"

namespace weir::net {

/// How to reach a backend: where the frame leaves, its two MACs, and its tag.
struct Neighbour {
    int interface = 0;  // the physical one, also where the route names a VLAN device on it
    Mac mac;            // the gateway's, where there is one
    Mac source_mac;
    std::optional<uint16_t> vlan;
    uint32_t mtu = 0;           // the largest IP packet on the way, as far as the kernel knows
    std::optional<Ip> gateway;  // of either family
    std::optional<Ip> source;   // what the kernel would send from, of the backend's family

    bool operator==(const Neighbour&) const = default;
};

/// Pure: where a route to the address leads. The error says why a frame cannot be sent.
Result<Neighbour> follow(const Route& route, const Ip& address, const Links& links, const Answer& next_hop);

class Neighbours {
  public:
    /// `on_change` is called once after each batch of events, or of look-ups, in which a link or the way to a
    /// watched address changed. It may call watch(), but not destroy this object.
    static Result<std::unique_ptr<Neighbours>> open(const boost::asio::any_io_executor& executor,
                                                    std::function<void()> on_change);
    ~Neighbours();

    /// The whole set replaces the former; new addresses are looked up at once, 500 at a time with the
    /// executor's other work between, and 500 next hops in each tenth of a second.
    void watch(const std::set<Ip>& addresses);

    /// Of a watched address. The error says why a frame cannot be sent to it.
    Result<Neighbour> find(const Ip& address) const;

    std::optional<Link> link(const std::string& name) const;
    std::optional<Link> link(int index) const;
    const Links& links() const { return links_; }

  private:
    /// Without `route`, `why` says the reason.
    struct Way {
        std::optional<Route> route;
        std::string why;
        std::optional<Neighbour> former;  // holds until the route's next hop has an answer
    };
    using Entry = std::map<Ip, Way>::value_type;

    Neighbours(const boost::asio::any_io_executor& executor, std::function<void()> on_change,
               Netlink requests, Netlink events);

    Status read_everything();
    void wait_for_events();
    void take_events();
    void take(const nlmsghdr& message);
    void take_link(const Link& link);
    void take_address(const AddressMessage& message);
    void reexamine(const std::function<bool(const Route&)>& concerned);
    void reexamine(const Prefix& prefix);

    void examine(Entry& entry);
    Result<Route> look_up(const Ip& address);
    void settle(Entry& entry, std::optional<Route> route, std::string why);
    std::chrono::milliseconds refresh() const;
    void arm();
    void tick();
    void finish_batch();

    Netlink requests_;
    Netlink events_;
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer timer_;
    std::function<void()> on_change_;
    Links links_;
    Resolver resolver_;
    std::map<Ip, Way> ways_;
    Agenda<Ip> agenda_;
    bool changed_ = false;
    std::optional<std::chrono::steady_clock::time_point> held_;  // since when changes are kept back
    std::shared_ptr<bool> alive_ =
        std::make_shared<bool>(true);  // what waits looks here before it touches *this
};

}  // namespace weir::net
