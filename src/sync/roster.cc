#include "sync/roster.h"

#include <algorithm>

namespace weir::sync {
namespace {

using namespace std::chrono_literals;
using model::EventKind;

constexpr auto kGreetingTakes = 3s;  // at most, where all is well

std::string fault_of(const Peer& peer, uint32_t fingerprint, Time now) {
    using std::chrono::duration_cast, std::chrono::seconds;
    if (peer.state == PeerState::left) return "it has said that it goes";
    if (peer.state == PeerState::silent)
        return fmt::format("nothing has come from it for {} s",
                           duration_cast<seconds>(now - peer.last_heard).count());
    if (peer.proven && peer.fingerprint != fingerprint)
        return "its flows have another secret: make the line 'flows', or the last key, of its key file the "
               "same as here";
    if (peer.state == PeerState::greeting && now - peer.first_heard > kGreetingTakes)
        return peer.proven ? "it does not believe this balancer yet: see what it refuses"
                           : "it does not hear this balancer: see its `sync:` and the filters between";
    return "";
}

}  // namespace

std::string_view to_text(Refused reason) {
    constexpr std::array<std::string_view, kRefused> kNames{
        "wrong_size", "not_weir", "version",  "unknown_key",  "flooding",  "forged",      "misdirected",
        "crowded",    "unproven", "replayed", "unknown_type", "malformed", "wrong_secret"};
    return kNames.at(static_cast<size_t>(reason));
}

std::string_view to_text(PeerState state) {
    constexpr std::array<std::string_view, 4> kNames{"greeting", "up", "silent", "left"};
    return kNames.at(static_cast<size_t>(state));
}

uint64_t clock_of(Time time) {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

Peer* Roster::find(uint64_t id) {
    auto found = peers_.find(id);
    return found == peers_.end() ? nullptr : &found->second;
}

bool Roster::knows(const net::Endpoint& from) const {
    return std::ranges::any_of(
        peers_, [&](const auto& each) { return each.second.proven && each.second.endpoint == from; });
}

/// 0 means none.
uint64_t Roster::challenge() {
    for (;;)
        if (auto number = random_(); number != 0) return number;
}

Peer* Roster::admit(uint64_t id, const net::Endpoint& from, Time now) {
    if (peers_.size() >= kMostPeers) {
        auto oldest = peers_.end();
        for (auto each = peers_.begin(); each != peers_.end(); ++each)
            if (!each->second.proven &&
                (oldest == peers_.end() || each->second.first_heard < oldest->second.first_heard))
                oldest = each;
        if (oldest == peers_.end()) return nullptr;
        peers_.erase(oldest);
    }
    auto& peer = peers_[id];
    peer.id = id;
    peer.endpoint = from;
    peer.challenge = challenge();
    peer.first_heard = peer.last_heard = now;
    return &peer;
}

bool Roster::is_fresh(Peer& peer, const Header& header) {
    auto& window = header.to == 0 ? peer.to_all : peer.to_us;
    if (window.take(header.sequence)) return true;
    ++peer.counts.repeated_total;
    return false;
}

void Roster::look_for_us(Peer& peer, const Header& header, const Heartbeat& heartbeat, Time now) {
    auto us = std::ranges::find(heartbeat.heard, self_, &Heard::peer);
    const bool is_there = us != heartbeat.heard.end();
    // It has forgotten us, and may begin to count anew what it sends to us alone.
    if (peer.proven && (!is_there || us->echo != peer.challenge)) {
        peer.proven = false;
        peer.challenge = challenge();
    }
    peer.believes_us = is_there && us->believed;
    if (!is_there) return;
    // Another challenge is another count of what goes to it alone.
    if (std::exchange(peer.echo, us->challenge) != us->challenge) peer.sent = 0;
    if (!peer.proven && us->echo == peer.challenge) {
        peer.proven = true;
        peer.to_all = Window(header.sequence);
        peer.to_us = Window();
    }
    peer.counts.lost_there_total = us->lost;
    if (const auto clock = clock_of(now); us->clock != 0 && us->clock <= clock)
        peer.counts.round_trip = std::chrono::microseconds(clock - us->clock);
}

bool Roster::heard(Peer& peer, const Header& header, const Heartbeat& heartbeat, Time now) {
    const auto echoed = peer.echo;
    look_for_us(peer, header, heartbeat, now);
    peer.said = heartbeat;
    peer.said.heard.clear();
    peer.last_heartbeat = peer.last_heard = now;
    settle(peer, now);
    return !peer.proven || !peer.believes_us || peer.echo != echoed;
}

/// The state that follows from what is known.
void Roster::settle(Peer& peer, Time now) {
    const bool was_up = peer.state == PeerState::up;
    if (peer.said.leaving) {
        if (was_up) went(peer, PeerState::left, "it has said that it goes");
    } else if (now - peer.last_heard >= kSilentAfter) {
        if (was_up)
            went(peer, PeerState::silent, fmt::format("it has been silent for {} s", kSilentAfter.count()));
    } else if (!peer.proven || !peer.believes_us) {
        if (was_up) went(peer, PeerState::greeting, "it does not hear this balancer any more");
    } else if (!was_up) {
        came_up(peer);
    }
}

void Roster::came_up(Peer& peer) {
    // A former run at the same place is over, whether it has said so or not.
    const auto former = std::erase_if(peers_, [&](const auto& each) {
        return each.second.id != peer.id && each.second.proven && each.second.endpoint == peer.endpoint;
    });
    peer.state = PeerState::up;
    on_news_(EventKind::sync_peer_up,
             fmt::format("{} shares its flows{}", peer.name(), former > 0 ? " again: it has restarted" : ""),
             peer.said.node.value_or(peer.endpoint.address));
}

void Roster::went(Peer& peer, PeerState state, const std::string& why) {
    peer.state = state;
    peer.missed = true;
    on_news_(EventKind::sync_peer_down, fmt::format("{} shares no flows: {}", peer.name(), why),
             peer.said.node.value_or(peer.endpoint.address));
}

void Roster::age(Time now) {
    for (auto& [id, peer] : peers_) settle(peer, now);
    std::erase_if(peers_, [&](const auto& each) { return now - each.second.last_heard >= kForgottenAfter; });
}

std::vector<Heard> Roster::all_heard(Time now) const {
    std::vector<Heard> all;
    for (const auto& [id, peer] : peers_) {
        const bool recent = now - peer.last_heard < kSilentAfter;
        if (peer.said.leaving) continue;
        all.push_back({.peer = id,
                       .challenge = peer.challenge,
                       .echo = peer.echo,
                       .clock = peer.said.clock + clock_of(now) - clock_of(peer.last_heartbeat),
                       .lost = static_cast<uint32_t>(std::min<uint64_t>(peer.lost(), UINT32_MAX)),
                       .believed = peer.proven && recent});
    }
    return all;
}

bool Roster::anybody_up() const {
    return std::ranges::any_of(peers_, [](const auto& each) { return each.second.state == PeerState::up; });
}

bool Roster::outranks(const std::optional<net::Ip>& node) const {
    return std::ranges::any_of(peers_, [&](const auto& each) {
        const auto& peer = each.second;
        return peer.state == PeerState::up && peer.said.ready &&
               std::pair(peer.said.node, peer.id) < std::pair(node, self_);
    });
}

PeerRow Roster::row_of(const Peer& peer, uint32_t fingerprint, Time now) const {
    using std::chrono::duration_cast, std::chrono::milliseconds;
    PeerRow row = peer.counts;
    row.endpoint = peer.endpoint;
    row.node = peer.said.node;
    row.state = peer.state;
    row.fault = fault_of(peer, fingerprint, now);
    row.heard = duration_cast<milliseconds>(now - peer.last_heard);
    const auto age = peer.said.uptime + duration_cast<milliseconds>(now - peer.last_heartbeat);
    row.started = std::chrono::system_clock::now() - age;
    row.lost_total = peer.lost();
    row.lag = peer.said.pass + row.round_trip / 2;
    return row;
}

std::vector<PeerRow> Roster::rows(uint32_t fingerprint, Time now) const {
    std::map<net::Endpoint, const Peer*> shown;
    for (const auto& [id, peer] : peers_) {
        auto& place = shown[peer.endpoint];
        if (!place || std::pair(peer.proven, peer.last_heard) > std::pair(place->proven, place->last_heard))
            place = &peer;
    }
    std::vector<PeerRow> rows;
    rows.reserve(shown.size());
    for (const auto& [endpoint, peer] : shown) rows.push_back(row_of(*peer, fingerprint, now));
    return rows;
}

}  // namespace weir::sync
