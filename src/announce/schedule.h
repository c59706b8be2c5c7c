// Which VIPs are to be announced where, and when: each twice, two seconds apart, so that one lost frame does
// no harm (RFC 5227, ANNOUNCE_NUM and ANNOUNCE_INTERVAL), and all of them at a bounded pace. Pure: time comes
// in by the caller.
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "model/plan.h"
#include "net/agenda.h"
#include "net/ip.h"

namespace weir::announce {

/// One of the interfaces that VIPs are announced on. With another MAC it is another.
struct Place {
    int interface = 0;
    net::Mac mac;

    auto operator<=>(const Place&) const = default;
};

struct Announcement {
    Place place;
    net::Ip vip;
    std::optional<uint16_t> vlan;

    auto operator<=>(const Announcement&) const = default;
};

/// The networks that an interface is in (by its own address in each), and those of the kernel's VLAN devices
/// on it, with their tag.
using Networks = std::map<net::Prefix, std::optional<uint16_t>>;

/// What a plan wants, with each address of a prefix. The tag is that of the smallest network of the
/// interface's that the VIP is in, or else by the plan's `vlans:`.
std::set<Announcement> announcements_of(const model::Plan& plan, const std::vector<Place>& places,
                                        const std::map<int, Networks>& networks = {});

class Schedule {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr int kRounds = 2;
    static constexpr std::chrono::seconds kBetween{2};
    static constexpr std::chrono::milliseconds kBatchEvery{10};
    static constexpr size_t kBatch = 10;  // at once: a thousand a second

    /// The whole set replaces the former. What was in that one is not announced again.
    void set(std::set<Announcement> wanted, Time now);
    /// When take() has something to give.
    std::optional<Time> next() const { return agenda_.next(); }
    /// What is to be sent now.
    std::vector<Announcement> take(Time now);

  private:
    std::map<Announcement, int> rounds_left_;  // of all that is announced
    net::Agenda<Announcement> agenda_{kBatchEvery, kBatch, 0};
};

}  // namespace weir::announce
