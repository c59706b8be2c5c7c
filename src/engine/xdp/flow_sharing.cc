#include "engine/xdp/flow_sharing.h"

#include <algorithm>
#include <bit>

namespace weir::engine::xdp {
namespace {

constexpr unsigned kMostGuesses = 3;      // bits of the bucket that a peer with a smaller table cannot tell
constexpr uint32_t kLiving = 2;           // ticks: who was seen so lately is at home here
constexpr uint32_t kTellsInATimeout = 3;  // so that one that is lost does no harm

uint32_t state_of(uint64_t entry) {
    return entry >> WEIR_STATE_SHIFT & (WEIR_FLOW_STATES - 1);
}
uint32_t number_of(uint64_t entry) {
    return static_cast<uint32_t>(entry >> WEIR_ID_SHIFT) & (WEIR_MAX_TARGETS - 1);
}
uint32_t idle_of(uint64_t entry, const FlowSharing::Times& times) {
    return ticks_since(static_cast<uint32_t>(entry), times.now);
}
bool same_tag(uint64_t a, uint64_t b) {
    return (a ^ b) >> WEIR_TAG_SHIFT == 0;
}
/// All but the age.
bool same_word(uint64_t a, uint64_t b) {
    return (a ^ b) >> WEIR_AGE_BITS == 0;
}
bool is_alive(uint64_t entry, const FlowSharing::Times& times) {
    return entry != 0 && idle_of(entry, times) <= times.timeouts[state_of(entry)];
}

uint64_t entry_of(const FlowWord& word, const FlowSharing::Times& times) {
    return word.hash >> WEIR_TAG_SHIFT << WEIR_TAG_SHIFT |
           static_cast<uint64_t>(word.number) << WEIR_ID_SHIFT |
           static_cast<uint64_t>(word.state) << WEIR_STATE_SHIFT | ((times.now - word.idle) & WEIR_AGE_MASK);
}

FlowWord word_of(uint64_t entry, size_t bucket, const FlowSharing::Times& times) {
    return {.hash = entry >> WEIR_TAG_SHIFT << WEIR_TAG_SHIFT | bucket,
            .number = number_of(entry),
            .state = state_of(entry),
            .idle = idle_of(entry, times)};
}

}  // namespace

FlowSharing::FlowSharing(std::span<weir_bucket> table)
    : table_(table), known_(table.size() * WEIR_WAYS), marks_(table.size() * WEIR_WAYS) {}

void FlowSharing::mark_own(size_t place) {
    if (marks_[place] & of_peer) from_peers_--;
    marks_[place] = 0;
}

/// Whether an entry that has changed since is worth a word.
bool FlowSharing::is_due(size_t place, uint64_t entry, const Times& times) {
    auto known = known_[place];
    if (!same_word(entry, known) || marks_[place] & (of_peer | young)) return true;
    auto since = ticks_since(static_cast<uint32_t>(known), static_cast<uint32_t>(entry));
    return since >= std::max(times.timeouts[state_of(entry)] / kTellsInATimeout, 1u);
}

void FlowSharing::read_changes(size_t first, size_t count, const Times& times, const Sink& sink) {
    auto end = std::min(first + count, table_.size()) * WEIR_WAYS;
    for (auto place = first * WEIR_WAYS; place < end; place++) {
        auto entry = __atomic_load_n(&slot(place), __ATOMIC_RELAXED);
        if (entry == known_[place]) continue;
        if (state_of(entry) == WEIR_NEW || !is_alive(entry, times)) {
            mark_own(place);
            known_[place] = 0;
            continue;
        }
        if (!is_due(place, entry, times)) continue;
        bool first_time = !same_word(entry, known_[place]) || marks_[place] & of_peer;
        mark_own(place);
        if (first_time) marks_[place] = young;
        known_[place] = entry;
        sink(word_of(entry, place / WEIR_WAYS, times));
    }
}

void FlowSharing::read_all(size_t first, size_t count, const Times& times, const Sink& sink) const {
    auto end = std::min(first + count, table_.size()) * WEIR_WAYS;
    for (auto place = first * WEIR_WAYS; place < end; place++) {
        auto entry = __atomic_load_n(&slot(place), __ATOMIC_RELAXED);
        if (state_of(entry) != WEIR_NEW && is_alive(entry, times))
            sink(word_of(entry, place / WEIR_WAYS, times));
    }
}

/// A peer with a smaller table knows fewer bits of the bucket: then it is any of several. In the wrong ones
/// nobody finds the flow, and it expires.
std::vector<size_t> FlowSharing::buckets_for(uint64_t hash, unsigned bucket_bits) const {
    auto own_bits = static_cast<unsigned>(std::countr_zero(table_.size()));
    auto bits = std::min(bucket_bits, own_bits);
    if (own_bits - bits > kMostGuesses) return {};
    std::vector<size_t> buckets;
    buckets.reserve(size_t{1} << (own_bits - bits));
    size_t low = hash & ((size_t{1} << bits) - 1);
    for (size_t high = 0; high < size_t{1} << (own_bits - bits); high++)
        buckets.push_back(high << bits | low);
    return buckets;
}

Taken FlowSharing::take(const FlowWord& word, unsigned bucket_bits, uint64_t most, const Times& times) {
    auto result = Taken::unfit;
    for (auto bucket : buckets_for(word.hash, bucket_bits)) result = take_into(bucket, word, most, times);
    return result;
}

bool FlowSharing::write(size_t place, uint64_t expected, uint64_t entry) {
    __u64 there = expected;
    if (!__atomic_compare_exchange_n(&slot(place), &there, entry, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return false;
    if (!(marks_[place] & of_peer)) from_peers_++;
    marks_[place] = of_peer;
    known_[place] = entry;
    return true;
}

/// Of a flow that has a place. What a packet here has made of it stays, but for an end that the balancer saw
/// to which the flow has moved, and for that balancer's word that the flow lives.
Taken FlowSharing::replace(size_t place, uint64_t there, const FlowWord& word, const Times& times) {
    auto entry = entry_of(word, times);
    bool is_peers = marks_[place] & of_peer && known_[place] == there;
    auto idle = idle_of(there, times);
    bool is_news = word.idle < idle || (word.idle == idle && state_of(there) != word.state);
    if (!is_news) return is_peers ? Taken::taken : Taken::kept;
    bool has_only_begun = state_of(there) == WEIR_NEW;
    if (is_peers || has_only_begun) return write(place, there, entry) ? Taken::taken : Taken::kept;
    if (idle < kLiving || number_of(there) != word.number) return Taken::kept;
    return write(place, there, entry) ? Taken::taken : Taken::kept;
}

/// Where a flow that is not in the bucket may go: as the datapath chooses (bpf/flows.h). An expired entry of
/// the same tag goes first, or it would be found instead.
std::optional<size_t> FlowSharing::find_room(size_t bucket, uint64_t entry, const Times& times) const {
    std::optional<size_t> room;
    uint32_t best = 0;
    for (auto place = bucket * WEIR_WAYS; place < (bucket + 1) * WEIR_WAYS; place++) {
        auto there = __atomic_load_n(&slot(place), __ATOMIC_RELAXED);
        bool alive = is_alive(there, times);
        uint32_t fit = 0;
        if (!alive)
            fit = there != 0 && same_tag(there, entry) ? ~0u : ~0u - 1;
        else if (state_of(there) == WEIR_NEW)
            fit = 1 + idle_of(there, times);
        if (fit > best) {
            best = fit;
            room = place;
        }
    }
    return room;
}

Taken FlowSharing::take_into(size_t bucket, const FlowWord& word, uint64_t most, const Times& times) {
    auto entry = entry_of(word, times);
    for (auto place = bucket * WEIR_WAYS; place < (bucket + 1) * WEIR_WAYS; place++) {
        auto there = __atomic_load_n(&slot(place), __ATOMIC_RELAXED);
        if (is_alive(there, times) && same_tag(there, entry)) return replace(place, there, word, times);
    }
    if (word.state == WEIR_CLOSING) return Taken::kept;  // the end of a flow that is not here
    if (from_peers_ >= most) return Taken::full;
    auto room = find_room(bucket, entry, times);
    if (!room) return Taken::full;
    auto there = __atomic_load_n(&slot(*room), __ATOMIC_RELAXED);
    bool is_free = !is_alive(there, times) || state_of(there) == WEIR_NEW;  // else a packet was faster
    return is_free && write(*room, there, entry) ? Taken::taken : Taken::full;
}

}  // namespace weir::engine::xdp
