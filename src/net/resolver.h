// The MACs of next hops, from the kernel's neighbour table. Each next hop is asked for once, however many
// addresses lie behind it.
//
// weir makes the kernel resolve (NTF_USE, as a packet would) when a next hop is added, every second while
// there is no answer, and about every ten seconds afterwards. A MAC once known is kept until the kernel says
// that the neighbour failed: entries that go stale or are collected stop no traffic. Not thread-safe; time
// comes in by the caller.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/agenda.h"
#include "net/ip.h"
#include "net/netlink.h"
#include "net/rtnetlink.h"

namespace weir::net {

/// The kernel finds the same address on different interfaces at different MACs.
struct NextHop {
    int interface = 0;
    Ip address;

    auto operator<=>(const NextHop&) const = default;
};

/// Nothing while the kernel has not said.
using Answer = std::optional<Result<Mac>>;

class Resolver {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Examined is at most `at_once` next hops in each `interval`. Both references outlive this object;
    /// `links` only gives names for the reasons.
    Resolver(Netlink& requests, const Links& links, std::chrono::milliseconds interval, size_t at_once);

    /// A next hop is forgotten when remove() was called as often as add().
    void add(const NextHop& hop, Time now);
    void remove(const NextHop& hop);
    Answer find(const NextHop& hop) const;

    /// What the kernel tells, wanted or not. True: an answer has changed.
    bool take(const NeighbourMessage& message, Time now);
    /// Asks the kernel about what is due. True: an answer has changed.
    bool examine(Time now);
    /// When examine() has something to do.
    std::optional<Time> next() const { return agenda_.next(); }
    /// Everything, or what is on one interface, is due now.
    void hasten(Time now, std::optional<int> interface = {});

  private:
    struct State {
        Answer answer;
        bool failing = false;  // the kernel says that it does not answer; believed at the next examination
        size_t users = 0;
    };
    using Entry = std::map<NextHop, State>::value_type;

    bool take(Entry& entry, const NeighbourMessage& message, Time now);
    bool examine(Entry& entry, Time now);
    Result<Mac> no_answer(const NextHop& hop) const;

    Netlink& requests_;
    const Links& links_;
    const std::chrono::milliseconds interval_;
    std::map<NextHop, State> hops_;
    Agenda<NextHop> agenda_;
};

}  // namespace weir::net
