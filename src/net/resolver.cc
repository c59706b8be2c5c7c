#include "net/resolver.h"

#include <random>

namespace weir::net {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kRefresh = 10s;
constexpr std::chrono::milliseconds kRetry = 1s;  // the kernel's own pace of probes

bool settle(Answer& answer, Result<Mac> now) {
    if (answer == now) return false;
    answer = std::move(now);
    return true;
}

Result<Mac> not_used(const Ip& address, const Refusal& refusal) {
    auto text = fmt::format("{} cannot be resolved: {}", address.text(), refusal.message);
    if (refusal.code == ENOBUFS)
        text += fmt::format("; raise net.{}.neigh.default.gc_thresh3 above the number of backends",
                            address.is_v4() ? "ipv4" : "ipv6");
    return fail("{}", text);
}

}  // namespace

Resolver::Resolver(Netlink& requests, const Links& links, std::chrono::milliseconds interval, size_t at_once)
    : requests_(requests),
      links_(links),
      interval_(interval),
      agenda_(interval, at_once, std::random_device{}()) {}

void Resolver::add(const NextHop& hop, Time now) {
    if (hops_[hop].users++ == 0) agenda_.put(hop, now);
}

void Resolver::remove(const NextHop& hop) {
    auto found = hops_.find(hop);
    if (found == hops_.end() || --found->second.users > 0) return;
    hops_.erase(found);
    agenda_.remove(hop);
}

Answer Resolver::find(const NextHop& hop) const {
    auto found = hops_.find(hop);
    return found == hops_.end() ? std::nullopt : found->second.answer;
}

bool Resolver::take(const NeighbourMessage& message, Time now) {
    auto found = hops_.find({message.interface, message.address});
    return found != hops_.end() && take(*found, message, now);
}

bool Resolver::take(Entry& entry, const NeighbourMessage& message, Time now) {
    auto& [hop, state] = entry;
    if (message.failed) {
        // Somebody who deletes the entry makes it fail first: wait a moment for what comes behind.
        state.failing = true;
        agenda_.hasten(hop, now + interval_);
    } else if (message.gone) {
        // Collected or deleted, not failed: what is known holds until the next answer.
        state.failing = false;
        agenda_.hasten(hop, agenda_.about(now, kRetry));
    } else if (message.mac) {
        state.failing = false;
        return settle(state.answer, *message.mac);
    }
    return false;
}

bool Resolver::examine(Time now) {
    bool changed = false;
    for (const auto& hop : agenda_.take(now)) changed |= examine(*hops_.find(hop), now);
    return changed;
}

bool Resolver::examine(Entry& entry, Time now) {
    auto& [hop, state] = entry;
    agenda_.put(hop, agenda_.about(now, kRefresh));
    bool changed = std::exchange(state.failing, false) && settle(state.answer, no_answer(hop));
    auto known = [&] { return state.answer && *state.answer; };
    auto used = use_neighbour(requests_, hop.interface, hop.address);
    if (auto told = ask_neighbour(requests_, hop.interface, hop.address))
        changed |= take(entry, *told, now);
    else if (!used && !known())
        changed |= settle(state.answer, not_used(hop.address, used.error()));
    if (!known()) agenda_.hasten(hop, agenda_.about(now, kRetry));
    return changed;
}

void Resolver::hasten(Time now, std::optional<int> interface) {
    for (const auto& [hop, state] : hops_)
        if (!interface || hop.interface == *interface) agenda_.hasten(hop, now);
}

Result<Mac> Resolver::no_answer(const NextHop& hop) const {
    auto link = links_.find(hop.interface);
    return fail("{} does not answer {} on {}", hop.address.text(),
                hop.address.is_v4() ? "ARP" : "neighbour discovery",
                link == links_.end() ? "its interface" : link->second.name);
}

}  // namespace weir::net
