#include "net/neighbours.h"

#include <linux/rtnetlink.h>

#include <algorithm>

#include "base/log.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kTick = 100ms;  // the pace: this many addresses in one tick
constexpr size_t kAddressesAtOnce = 500;
constexpr std::chrono::milliseconds kRefresh = 10s;
constexpr std::chrono::milliseconds kRetry = 1s;  // the kernel's own pace of probes

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

std::string not_yet(const Ip& address) {
    return address.text() + " is not resolved yet";
}

std::string why_not_used(const Ip& address, const Refusal& refusal) {
    auto text = fmt::format("{} cannot be resolved: {}", address.text(), refusal.message);
    if (refusal.code == ENOBUFS)
        text += fmt::format("; raise net.{}.neigh.default.gc_thresh3 above the number of backends",
                            address.is_v4() ? "ipv4" : "ipv6");
    return text;
}

}  // namespace

Neighbours::Neighbours(boost::asio::any_io_executor executor, std::function<void()> on_change,
                       Netlink requests, Netlink events)
    : requests_(std::move(requests)),
      events_(std::move(events)),
      readable_(executor),
      timer_(executor),
      on_change_(std::move(on_change)),
      agenda_(kTick, kAddressesAtOnce, std::random_device{}()) {}

Neighbours::~Neighbours() {
    if (readable_.is_open()) readable_.release();  // events_ closes it
}

Result<std::unique_ptr<Neighbours>> Neighbours::open(boost::asio::any_io_executor executor,
                                                     std::function<void()> on_change) {
    auto requests = Netlink::open();
    if (!requests) return propagate(requests);
    auto events = Netlink::open();
    if (!events) return propagate(events);
    auto subscribed =
        events->subscribe({RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                           RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE});
    if (!subscribed) return propagate(subscribed);
    std::unique_ptr<Neighbours> neighbours(
        new Neighbours(std::move(executor), std::move(on_change), std::move(*requests), std::move(*events)));
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
    std::erase_if(watched_, [&](const Entry& entry) {
        if (addresses.contains(entry.first)) return false;
        agenda_.remove(entry.first);
        return true;
    });
    for (const auto& address : addresses) {
        auto [entry, added] = watched_.try_emplace(address);
        if (!added) continue;
        entry->second.why = not_yet(address);
        agenda_.put(address, Clock::now());
    }
    arm();
}

Result<Neighbour> Neighbours::find(const Ip& address) const {
    auto found = watched_.find(address);
    if (found == watched_.end()) return fail("{} is not watched", address.text());
    const auto& [interface, mac, why, failing] = found->second;
    if (interface == 0) return fail("{}", why);
    auto link = links_.find(interface);
    if (link == links_.end()) return fail("the interface towards {} has gone", address.text());
    if (!link->second.up) return fail("interface {} is down", link->second.name);
    if (link->second.mac == Mac{})
        return fail("{} is behind {}, which is not Ethernet", address.text(), link->second.name);
    if (!mac) return fail("{}", why);
    return Neighbour{interface, *mac, link->second.mac};
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
    for (auto& entry : watched_) agenda_.hasten(entry.first, Clock::now());
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
                if (auto entry = watched_.find(neighbour->address); entry != watched_.end())
                    take_neighbour(*entry, *neighbour);
            break;
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            if (auto prefix = decode_destination(message)) reexamine(*prefix);
            break;
        case RTM_NEWRULE:
        case RTM_DELRULE:
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
    // IPv4 routes go with their link without a message.
    if (!before || !after || before->up != after->up) reexamine(message.index);
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
    reexamine(message.interface);
}

void Neighbours::take_neighbour(Entry& entry, const NeighbourMessage& message) {
    auto& [address, state] = entry;
    if (message.interface != state.interface) return;
    if (message.failed) {
        // Somebody who deletes the entry makes it fail first: wait a moment for what comes behind.
        state.failing = true;
        agenda_.hasten(address, Clock::now() + kTick);
    } else if (message.gone) {
        // Collected or deleted, not failed: what is known holds until the next answer.
        state.failing = false;
        agenda_.hasten(address, agenda_.about(Clock::now(), kRetry));
    } else if (message.mac) {
        state.failing = false;
        settle(entry, message.interface, message.mac, "");
    }
}

/// What was reached over the interface, and what has no way and may get one now.
void Neighbours::reexamine(int interface) {
    for (auto& entry : watched_)
        if (entry.second.interface == interface || entry.second.interface == 0)
            agenda_.hasten(entry.first, Clock::now());
}

void Neighbours::reexamine(const Prefix& prefix) {
    for (auto entry = watched_.lower_bound(prefix.address);
         entry != watched_.end() && prefix.contains(entry->first); ++entry)
        agenda_.hasten(entry->first, Clock::now());
}

// ---- what weir asks

void Neighbours::examine(Entry& entry) {
    auto& [address, state] = entry;
    if (std::exchange(state.failing, false)) settle_failed(entry);
    auto interface = direct_interface(address);
    if (!interface) {
        auto link = links_.find(state.interface);
        bool down = link != links_.end() && !link->second.up;  // the better reason; find() gives it
        if (!down) settle(entry, 0, std::nullopt, interface.error().message);
    } else {
        if (*interface != state.interface) settle(entry, *interface, std::nullopt, not_yet(address));
        auto used = use_neighbour(requests_, *interface, address);
        if (auto now = ask_neighbour(requests_, *interface, address))
            take_neighbour(entry, *now);
        else if (!used && !state.mac)
            settle(entry, *interface, std::nullopt, why_not_used(address, used.error()));
    }
    bool waiting = state.interface != 0 && !state.mac;
    agenda_.put(address, agenda_.about(Clock::now(), waiting ? kRetry : kRefresh));
}

/// The interface on which the address is one hop away.
Result<int> Neighbours::direct_interface(const Ip& address) {
    auto text = address.text();
    if (address.is_link_local() && !address.is_v4())
        return fail("{} is a link-local address, which does not say on which interface; give another", text);
    if (address.is_unspecified() || address.is_multicast())
        return fail("{} is not one machine's address", text);
    auto route = ask_route(requests_, address);
    if (!route) return fail("no route to {}: {}", text, route.error().message);
    if (route->type != RTN_UNICAST) return fail("{} is {}", text, text_of(route->type));
    if (route->gateway)
        return fail(
            "{} is behind the gateway {}: direct server return needs it on a directly connected network",
            text, route->gateway->text());
    return route->interface;
}

void Neighbours::settle_failed(Entry& entry) {
    auto link = links_.find(entry.second.interface);
    settle(entry, entry.second.interface, std::nullopt,
           fmt::format("{} does not answer {} on {}", entry.first.text(),
                       entry.first.is_v4() ? "ARP" : "neighbour discovery",
                       link == links_.end() ? "its interface" : link->second.name));
}

void Neighbours::settle(Entry& entry, int interface, std::optional<Mac> mac, std::string why) {
    auto& state = entry.second;
    if (state.interface == interface && state.mac == mac && state.why == why) return;
    state.interface = interface;
    state.mac = mac;
    state.why = std::move(why);
    changed_ = true;
}

// ---- when

void Neighbours::arm() {
    auto next = agenda_.next();
    if (!next) return;
    timer_.expires_at(*next);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) tick();
    });
}

void Neighbours::tick() {
    for (const auto& address : agenda_.take(Clock::now())) examine(*watched_.find(address));
    finish_batch();
}

void Neighbours::finish_batch() {
    arm();
    if (std::exchange(changed_, false)) on_change_();
}

}  // namespace weir::net
