#include "net/neighbours.h"

#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "base/log.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kRouteTick = 5ms;       // the pace: in each
constexpr size_t kRoutesAtOnce = 500;  // are looked up, which is the kernel's memory alone,
constexpr auto kHopTick = 100ms;       // and in each
constexpr size_t kHopsAtOnce = 500;    // asked for by a broadcast
constexpr std::chrono::milliseconds kRefresh = 10s;
constexpr std::chrono::milliseconds kRefreshShare = 1ms;  // of each address, where there are many
constexpr auto kHeld = 3s;  // are changes at most, while many addresses are looked up

/// What the kernel calls an address that is not one other machine's.
std::string_view text_of(uint8_t route_type) {
    switch (route_type) {
        case RTN_LOCAL:
            return "an address of this machine";
        case RTN_BROADCAST:
            return "a broadcast address";
        case RTN_ANYCAST:
            return "an anycast address of this machine";
        case RTN_MULTICAST:
            return "a multicast address";
        default:
            return "not reachable by its route";
    }
}

NextHop next_hop(const Route& route, const Ip& address) {
    return {route.interface, route.gateway.value_or(address)};
}

const Link* at(const Links& links, int index) {
    auto found = links.find(index);
    return found == links.end() ? nullptr : &found->second;
}

/// How a frame leaves through the interface of a route: a Neighbour without its MAC.
Result<Neighbour> leave(const Links& links, int interface, const Ip& address) {
    const auto* link = at(links, interface);
    if (!link) return fail("the interface towards {} has gone", address.text());
    if (!link->up) return fail("interface {} is down", link->name);
    if (link->mac == Mac{}) return fail("{} is behind {}, which is not Ethernet", address.text(), link->name);
    Neighbour out{.interface = interface, .source_mac = link->mac, .vlan = link->vlan, .mtu = link->mtu};
    if (!link->vlan) return out;
    const auto* parent = at(links, link->parent);
    if (!parent)
        return fail("{} is behind the VLAN {}, which is carried by an interface of another network namespace",
                    address.text(), link->name);
    if (parent->vlan || link->vlan_protocol != ETH_P_8021Q)
        return fail("{} is behind {}, which is QinQ: weir sends one 802.1Q tag, no other and no second",
                    address.text(), link->name);
    if (!parent->up) return fail("interface {} is down", parent->name);
    out.interface = parent->index;
    return out;
}

}  // namespace

Result<Neighbour> follow(const Route& route, const Ip& address, const Links& links, const Answer& answer) {
    auto out = leave(links, route.interface, address);
    if (!out) return out;
    if (!answer || !*answer) {
        auto why = answer ? answer->error().message
                          : next_hop(route, address).address.text() + " is not resolved yet";
        if (route.gateway)
            return fail("{} is behind the gateway {}: {}", address.text(), route.gateway->text(), why);
        return fail("{}", why);
    }
    out->mac = **answer;
    if (route.mtu != 0) out->mtu = std::min(out->mtu, route.mtu);
    out->gateway = route.gateway;
    out->source = route.source;
    return out;
}

Neighbours::Neighbours(const boost::asio::any_io_executor& executor, std::function<void()> on_change,
                       Netlink requests, Netlink events)
    : requests_(std::move(requests)),
      events_(std::move(events)),
      readable_(executor),
      timer_(executor),
      on_change_(std::move(on_change)),
      resolver_(requests_, links_, kHopTick, kHopsAtOnce),
      agenda_(kRouteTick, kRoutesAtOnce, std::random_device{}()) {}

Neighbours::~Neighbours() {
    if (readable_.is_open()) readable_.release();  // events_ closes it
}

Result<std::unique_ptr<Neighbours>> Neighbours::open(const boost::asio::any_io_executor& executor,
                                                     std::function<void()> on_change) {
    auto requests = Netlink::open();
    if (!requests) return propagate(requests);
    auto events = Netlink::open();
    if (!events) return propagate(events);
    auto subscribed = events->subscribe({RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
                                         RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                                         RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP});
    if (!subscribed) return propagate(subscribed);
    std::unique_ptr<Neighbours> neighbours(
        new Neighbours(executor, std::move(on_change), std::move(*requests), std::move(*events)));
    boost::system::error_code error;
    neighbours->readable_.assign(neighbours->events_.fd(), error);
    if (error) return fail("cannot wait for netlink events: {}", error.message());
    auto read = neighbours->read_everything();
    if (!read) return propagate(read);
    neighbours->changed_ = false;
    neighbours->wait_for_events();
    return neighbours;
}

void Neighbours::watch(const std::set<Ip>& addresses) {
    std::erase_if(ways_, [&](const Entry& entry) {
        const auto& [address, way] = entry;
        if (addresses.contains(address)) return false;
        if (way.route) resolver_.remove(next_hop(*way.route, address));
        agenda_.remove(address);
        return true;
    });
    for (const auto& address : addresses) {
        auto [entry, added] = ways_.try_emplace(address);
        if (!added) continue;
        entry->second.why = address.text() + " is not resolved yet";
        agenda_.put(address, Clock::now());
    }
    arm();
}

Result<Neighbour> Neighbours::find(const Ip& address) const {
    auto found = ways_.find(address);
    if (found == ways_.end()) return fail("{} is not watched", address.text());
    const auto& [route, why, former] = found->second;
    if (!route) return fail("{}", why);
    auto answer = resolver_.find(next_hop(*route, address));
    if (!answer && former)
        if (const auto* link = at(links_, former->interface); link && link->up) return *former;
    return follow(*route, address, links_, answer);
}

std::optional<Link> Neighbours::link(const std::string& name) const {
    auto found = std::ranges::find(links_, name, [](const auto& entry) { return entry.second.name; });
    if (found == links_.end()) return std::nullopt;
    return found->second;
}

std::optional<Link> Neighbours::link(int index) const {
    auto found = links_.find(index);
    if (found == links_.end()) return std::nullopt;
    return found->second;
}

// ---- what the kernel tells

Status Neighbours::read_everything() {
    auto before = std::exchange(links_, {});
    for (uint16_t type : {RTM_GETLINK, RTM_GETADDR, RTM_GETNEIGH}) {
        auto answer = dump(requests_, type, [this](const nlmsghdr& message) { take(message); });
        if (answer) continue;
        links_ = std::move(before);
        return fail("cannot read links and neighbours: {}", answer.error().message);
    }
    for (const auto& entry : ways_) agenda_.hasten(entry.first, Clock::now());
    resolver_.hasten(Clock::now());
    return {};
}

void Neighbours::wait_for_events() {
    readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
                             if (!error && !alive.expired()) take_events();
                         });
}

void Neighbours::take_events() {
    auto read = events_.read_events([this](const nlmsghdr& message) { take(message); });
    if (!read) spdlog::error("neighbours: {}", read.error().message);
    if (read && *read == Netlink::Events::lost) {
        spdlog::warn("neighbours: the kernel dropped rtnetlink events; reading everything again");
        if (auto again = read_everything(); !again) spdlog::error("neighbours: {}", again.error().message);
    }
    wait_for_events();
    finish_batch();
}

void Neighbours::take(const nlmsghdr& message) {
    switch (message.nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            if (auto link = decode_link(message)) take_link(*link);
            break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
            if (auto address = decode_address(message)) take_address(*address);
            break;
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            if (auto neighbour = decode_neighbour(message))
                changed_ |= resolver_.take(*neighbour, Clock::now());
            break;
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            if (auto prefix = decode_destination(message)) reexamine(*prefix);
            break;
        case RTM_NEWRULE:
        case RTM_DELRULE:
        case RTM_NEWNEXTHOP:
        case RTM_DELNEXTHOP:
            reexamine(Prefix{Ip(), 0});
            reexamine(Prefix{Ip::v6({}), 0});
            break;
        default:
            break;
    }
}

void Neighbours::take_link(const Link& message) {
    auto before = link(message.index);
    if (message.name.empty()) {
        links_.erase(message.index);
    } else {
        auto& now = links_[message.index];
        auto addresses = std::move(now.addresses);
        now = message;
        now.addresses = std::move(addresses);
    }
    auto after = link(message.index);
    if (after == before) return;
    changed_ = true;
    // IPv4 routes go with their link without a message, and IPv6 routes take over its MTU.
    if (!before || !after || before->up != after->up || before->mtu != after->mtu) {
        reexamine([&](const Route& route) { return route.interface == message.index; });
        resolver_.hasten(Clock::now(), message.index);
    }
}

void Neighbours::take_address(const AddressMessage& message) {
    auto link = links_.find(message.interface);
    if (link == links_.end()) return;
    auto& addresses = link->second.addresses;
    bool known = std::ranges::find(addresses, message.address) != addresses.end();
    if (known == message.usable) return;
    if (message.usable)
        addresses.push_back(message.address);
    else
        std::erase(addresses, message.address);
    changed_ = true;
    reexamine([&](const Route& route) {
        return route.interface == message.interface || route.source == message.address;
    });
}

/// What has such a route, and what has none and may get one now.
void Neighbours::reexamine(const std::function<bool(const Route&)>& concerned) {
    for (const auto& [address, way] : ways_)
        if (!way.route || concerned(*way.route)) agenda_.hasten(address, Clock::now());
}

void Neighbours::reexamine(const Prefix& prefix) {
    for (auto entry = ways_.lower_bound(prefix.address);
         entry != ways_.end() && prefix.contains(entry->first); ++entry)
        agenda_.hasten(entry->first, Clock::now());
}

// ---- what weir asks

void Neighbours::examine(Entry& entry) {
    auto& [address, way] = entry;
    agenda_.put(address, agenda_.about(Clock::now(), refresh()));
    if (auto route = look_up(address)) {
        settle(entry, *route, "");
    } else {
        const auto* link = way.route ? at(links_, way.route->interface) : nullptr;
        bool down = link && !link->up;  // the better reason; find() gives it
        if (!down) settle(entry, std::nullopt, route.error().message);
    }
}

Result<Route> Neighbours::look_up(const Ip& address) {
    auto text = address.text();
    if (address.is_link_local() && !address.is_v4())
        return fail("{} is a link-local address, which does not say on which interface; give another", text);
    if (address.is_unspecified() || address.is_multicast())
        return fail("{} is not one machine's address", text);
    auto route = ask_route(requests_, address);
    if (!route) return fail("no route to {}: {}", text, route.error().message);
    if (route->type != RTN_UNICAST) return fail("{} is {}", text, text_of(route->type));
    return *route;
}

void Neighbours::settle(Entry& entry, std::optional<Route> route, std::string why) {
    auto& [address, way] = entry;
    if (way.route == route && way.why == why) return;
    std::optional<NextHop> before;
    std::optional<NextHop> after;
    if (way.route) before = next_hop(*way.route, address);
    if (route) after = next_hop(*route, address);
    if (before != after) {
        auto found = find(address);
        way.former = found ? std::optional(*found) : std::nullopt;
        if (after) resolver_.add(*after, Clock::now());
        if (before) resolver_.remove(*before);
    }
    way.route = route;
    way.why = std::move(why);
    changed_ = true;
}

// ---- when

std::chrono::milliseconds Neighbours::refresh() const {
    return std::max(kRefresh, kRefreshShare * static_cast<long>(ways_.size()));
}

void Neighbours::arm() {
    auto next = agenda_.next();
    if (auto other = resolver_.next(); other && (!next || *other < *next)) next = other;
    if (!next) return;
    timer_.expires_at(*next);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) tick();
    });
}

void Neighbours::tick() {
    for (const auto& address : agenda_.take(Clock::now())) examine(*ways_.find(address));
    changed_ |= resolver_.examine(Clock::now());
    finish_batch();
}

/// Whoever is told looks at all ways anew: of many addresses not before the last has been looked up.
void Neighbours::finish_batch() {
    arm();
    auto now = Clock::now();
    if (agenda_.behind(now) && now - held_.value_or(now) < kHeld) {
        if (!held_) held_ = now;
        return;
    }
    held_.reset();
    if (std::exchange(changed_, false)) on_change_();
}

}  // namespace weir::net
