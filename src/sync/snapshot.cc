#include "sync/snapshot.h"

#include <algorithm>

namespace weir::sync {
namespace {

constexpr size_t kChunk = 64;                              // buckets between two looks at the pace
constexpr size_t kMostAtOnce = 8192;                       // flows, after a pause
constexpr size_t kMostBuckets = 8 * Teller::kMostBuckets;  // a step: of a table that is nearly empty, too

}  // namespace

void Joining::step(Roster& roster, Outbox& outbox, size_t buckets, Time now) {
    if (std::exchange(buckets_, buckets) != buckets) {
        complete_ = false;
        asked_.reset();
        tried_.clear();
    }
    if (!roster.anybody_up())
        somebody_up_since_.reset();
    else if (!somebody_up_since_)
        somebody_up_since_ = now;
    if (asked_ && now - asked_->last_progress >= kPatience) give_up();
    if (asked_ || buckets == 0 || !somebody_up_since_ || now - *somebody_up_since_ < kSettle) return;
    auto* peer = choose(roster);
    if (!peer) {
        tried_.clear();
        return;
    }
    asked_ = Asked{peer->id, peer->name(), ++last_number_, now};
    ++counts_.asked_total;
    outbox.to_one(*peer, Type::snapshot_request, write(SnapshotRequest{asked_->number}));
}

/// The one that has been there for the longest time knows most; who comes back knows what we have missed.
Peer* Joining::choose(Roster& roster) const {
    Peer* best = nullptr;
    roster.each_up([&](Peer& peer) {
        if (tried_.contains(peer.id) || (complete_ && !peer.missed)) return;
        if (!best || peer.said.uptime > best->said.uptime) best = &peer;
    });
    return best;
}

void Joining::give_up() {
    ++counts_.abandoned_total;
    tried_.insert(asked_->peer);
    asked_.reset();
}

void Joining::flows_came(const Peer& peer, size_t flows, Time now) {
    if (!asked_ || asked_->peer != peer.id) return;
    asked_->flows += flows;
    asked_->last_progress = now;
}

void Joining::end_came(Peer& peer, const SnapshotEnd& end) {
    if (!asked_ || asked_->peer != peer.id || asked_->number != end.number) return;
    missing_ = end.flows - std::min(end.flows, asked_->flows);
    ++counts_.received_total;
    peer.missed = false;
    complete_ = true;
    asked_.reset();
    tried_.clear();
}

std::string Joining::text() const {
    if (asked_) return fmt::format("coming from {}: {} flows", asked_->name, asked_->flows);
    if (!complete_) return "waits for a peer";
    if (missing_ > 0) return fmt::format("complete but for {} flows, which the peers repeat", missing_);
    return "complete";
}

void Joining::count(SnapshotCounts& counts) const {
    counts.asked_total = counts_.asked_total;
    counts.received_total = counts_.received_total;
    counts.abandoned_total = counts_.abandoned_total;
}

void Serving::ask(const Peer& peer, const SnapshotRequest& request) {
    auto known = std::ranges::find(asked_, peer.id, &Asked::peer);
    if (known == asked_.end()) {
        asked_.push_back({peer.id, request.number});
        if (asked_.size() == 1) begin();
        return;
    }
    if (std::exchange(known->number, request.number) != request.number && known == asked_.begin()) begin();
}

void Serving::begin() {
    buckets_ = store_.buckets();
    next_ = 0;
    flows_ = 0;
}

void Serving::step(Roster& roster, Outbox& outbox, Time now) {
    const auto passed = std::chrono::duration<double>(now - std::exchange(last_step_, now)).count();
    if (asked_.empty()) return;
    auto* peer = roster.find(asked_.front().peer);
    if (!peer || peer->state != PeerState::up) {
        asked_.pop_front();
        begin();
        return;
    }
    if (store_.buckets() != buckets_) begin();
    allowance_ = std::min<double>(allowance_ + passed * kFlowsPerSecond, kMostAtOnce);
    std::vector<model::ToldFlow> told;
    size_t read = 0;
    while (next_ < buckets_ && read < kMostBuckets && !outbox.is_full() &&
           static_cast<double>(told.size()) < allowance_) {
        const auto count = std::min(kChunk, buckets_ - next_);
        store_.read_all(next_, count, told);
        next_ += count;
        read += count;
    }
    allowance_ -= static_cast<double>(told.size());
    flows_ += told.size();
    if (!told.empty())
        pack(told, buckets_,
             [&](const auto& body) { outbox.to_one(*peer, Type::flows, body.bytes, body.flows); });
    if (next_ < buckets_) return;
    outbox.to_one(*peer, Type::snapshot_end, write(SnapshotEnd{asked_.front().number, flows_}));
    ++served_total_;
    asked_.pop_front();
    begin();
}

}  // namespace weir::sync
