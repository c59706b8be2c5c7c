#include "sync/member.h"

#include <algorithm>

namespace weir::sync {
namespace {

using namespace std::chrono_literals;

constexpr auto kAlone = 2s;         // in which whoever is there has shown itself
constexpr auto kLeastPause = 50ms;  // between heartbeats, whoever asks for one

}  // namespace

std::vector<net::Endpoint> everybody_in(const model::Sync& settings) {
    auto all = settings.peers;
    if (settings.group) all.push_back(*settings.group);
    return all;
}

Member::Member(uint64_t self, model::FlowStore& store, Transport& transport, Random random, OnNews on_news)
    : self_(self),
      store_(store),
      transport_(transport),
      roster_(self, std::move(random), std::move(on_news)),
      outbox_(self),
      teller_(store),
      serving_(store) {}

void Member::set(const model::Sync& settings, std::optional<net::Ip> node) {
    keys_ = Keys(settings.keys);
    fingerprint_ = fingerprint_of(settings.flow_secret);
    share_ = settings.share;
    node_ = node;
    outbox_.set(Keys(settings.keys), fingerprint_, everybody_in(settings));
}

void Member::step(Time now) {
    if (!began_) began_ = now;
    strange_left_ = kMostStrange;
    transport_.receive(kMostReceived, [&](const auto& from, auto datagram) { take(from, datagram, now); });
    roster_.age(now);
    const auto since = last_heartbeat_ ? now - *last_heartbeat_ : Time::duration::max();
    if (since >= (answer_soon_ ? kLeastPause : kHeartbeatEvery)) say_heartbeat(now, false);
    joining_.step(roster_, outbox_, store_.buckets(), now);
    if (roster_.anybody_up()) {
        teller_.step(outbox_, now);
        serving_.step(roster_, outbox_, now);
    }
    outbox_.flush(transport_);
}

bool Member::knows_flows(Time now) const {
    return joining_.is_complete() || (roster_.is_empty() && began_ && now - *began_ >= kAlone);
}

void Member::leave(Time now) {
    say_heartbeat(now, true);
    outbox_.flush(transport_);
}

void Member::say_heartbeat(Time now, bool leaving) {
    using std::chrono::duration_cast, std::chrono::milliseconds;
    last_heartbeat_ = now;
    answer_soon_ = false;
    Heartbeat heartbeat{.leaving = leaving,
                        .ready = ready_,
                        .pass = teller_.pass(),
                        .uptime = duration_cast<milliseconds>(now - began_.value_or(now)),
                        .clock = clock_of(now),
                        .node = node_,
                        .heard = roster_.all_heard(now)};
    outbox_.to_all(Type::heartbeat, write(heartbeat));
}

void Member::take(const net::Endpoint& from, std::span<const uint8_t> datagram, Time now) {
    ++received_.datagrams;
    received_.bytes += datagram.size();
    auto refused = judge(from, datagram, now);
    if (!refused) return;
    auto& count = received_.refused.at(static_cast<size_t>(*refused));
    ++count.total;
    count.last_from = from;
}

/// The steps of doc/wire/sync.md, in its order: what costs nothing first, and nothing is kept of a datagram
/// that is not authentic.
Member::Verdict Member::judge(const net::Endpoint& from, std::span<const uint8_t> datagram, Time now) {
    if (datagram.size() < kLeastDatagram || datagram.size() > kMostDatagram) return Refused::wrong_size;
    auto header = read_header(datagram);
    if (!header) return Refused::not_weir;
    if (header->version != kVersion) return Refused::version;
    if (header->sender == self_) return Refused::replayed;
    if (auto refused = authenticate(*header, from, datagram)) return refused;
    const auto body = datagram.subspan(kHeaderSize, datagram.size() - kLeastDatagram);
    if (header->type == static_cast<uint8_t>(Type::heartbeat) && header->to == 0)
        return take_heartbeat(*header, from, body, now);
    auto* peer = roster_.find(header->sender);
    if (!peer || !peer->proven) return Refused::unproven;
    if (header->to != 0 && header->to != peer->challenge) return Refused::misdirected;
    if (!Roster::is_fresh(*peer, *header)) return Refused::replayed;
    ++peer->counts.datagrams_total;
    peer->counts.bytes_total += datagram.size();
    peer->last_heard = now;
    peer->fingerprint = header->fingerprint;
    return take_from(*peer, *header, body, now);
}

Member::Verdict Member::authenticate(const Header& header, const net::Endpoint& from,
                                     std::span<const uint8_t> datagram) {
    if (!keys_.knows(header.key)) return Refused::unknown_key;
    if (!roster_.knows(from)) {
        if (strange_left_ == 0) return Refused::flooding;
        --strange_left_;
    }
    if (!keys_.is_authentic(header, datagram)) return Refused::forged;
    return std::nullopt;
}

Member::Verdict Member::take_heartbeat(const Header& header, const net::Endpoint& from,
                                       std::span<const uint8_t> body, Time now) {
    auto* peer = roster_.find(header.sender);
    if (!peer) peer = roster_.admit(header.sender, from, now);
    if (!peer) return Refused::crowded;
    if (peer->proven && !Roster::is_fresh(*peer, header)) return Refused::replayed;
    auto heartbeat = read_heartbeat(body);
    if (!heartbeat) return Refused::malformed;
    peer->endpoint = from;
    peer->fingerprint = header.fingerprint;
    if (roster_.heard(*peer, header, *heartbeat, now)) answer_soon_ = true;
    if (peer->proven) {
        ++peer->counts.datagrams_total;
        peer->counts.bytes_total += body.size() + kLeastDatagram;
    }
    return std::nullopt;
}

Member::Verdict Member::take_from(Peer& peer, const Header& header, std::span<const uint8_t> body, Time now) {
    switch (static_cast<Type>(header.type)) {
        case Type::flows:
            return take_flows(peer, header, body, now);
        case Type::snapshot_request: {
            auto request = read_snapshot_request(body);
            if (!request || header.to == 0) return Refused::malformed;
            serving_.ask(peer, *request);
            return std::nullopt;
        }
        case Type::snapshot_end: {
            auto end = read_snapshot_end(body);
            if (!end || header.to == 0) return Refused::malformed;
            joining_.end_came(peer, *end);
            return std::nullopt;
        }
        case Type::heartbeat:  // to one alone: none of this version's
            break;
    }
    return Refused::unknown_type;
}

Member::Verdict Member::take_flows(Peer& peer, const Header& header, std::span<const uint8_t> body,
                                   Time now) {
    if (header.fingerprint != fingerprint_) return Refused::wrong_secret;
    auto flows = read_flows(body);
    if (!flows) return Refused::malformed;
    for (const auto& section : flows->sections)
        peer.counts.flows_total +=
            store_.take(section.target, flows->bucket_bits, flows->of(section), share_);
    if (header.to != 0) joining_.flows_came(peer, flows->flows.size(), now);
    return std::nullopt;
}

void Member::report_to(Report& report, Time now) const {
    report.pass = teller_.pass();
    report.snapshot = joining_.text();
    report.sent = outbox_.counts();
    joining_.count(report.snapshots);
    report.snapshots.served_total = serving_.served_total();
    report.received_datagrams_total = received_.datagrams;
    report.received_bytes_total = received_.bytes;
    report.refused = received_.refused;
    report.flows_from_peers = store_.from_peers();
    report.peers = roster_.rows(fingerprint_, now);
}

}  // namespace weir::sync
