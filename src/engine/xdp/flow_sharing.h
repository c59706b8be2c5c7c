// What balancers tell each other of the flow table, entry by entry. It keeps beside the table what was last
// told or taken of each place, and so finds what is new by comparing: the datapath does nothing for it. Runs
// beside the datapath, which goes on writing: an entry is written only if it is still what was read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/xdp/abi.h"
#include "engine/xdp/flow_scan.h"

namespace weir::engine::xdp {

/// Of one entry, in the table's own terms.
struct FlowWord {
    uint64_t hash = 0;    // the tag's bits and the bucket's; those between are 0
    uint32_t number = 0;  // of the target
    uint32_t state = WEIR_ESTABLISHED;
    uint32_t idle = 0;  // in ticks

    bool operator==(const FlowWord&) const = default;
};

/// What became of a peer's word.
enum class Taken : uint8_t {
    taken,
    kept,  // this balancer has seen packets of the flow itself
    full,
    unfit,  // the peer's table is so much smaller that the flow's bucket is anybody's guess
};

class FlowSharing {
  public:
    using Sink = std::function<void(const FlowWord& word)>;
    /// What is common to a reading: the datapath's tick, and its timeouts.
    struct Times {
        uint32_t now = 0;
        Timeouts timeouts{};
    };

    explicit FlowSharing(std::span<weir_bucket> table);

    /// What is to be told of these buckets (model/flow_store.h: read_changes), which from then on is told.
    void read_changes(size_t first, size_t count, const Times& times, const Sink& sink);

    /// All that is alive there, but for what has only begun.
    void read_all(size_t first, size_t count, const Times& times, const Sink& sink) const;

    /// What a peer tells, of a table of 2^bucket_bits buckets. `most`: entries that peers may have in all.
    Taken take(const FlowWord& word, unsigned bucket_bits, uint64_t most, const Times& times);

    /// Entries that peers told of and that no packet here has touched; corrected by read_changes().
    uint64_t from_peers() const { return from_peers_; }

  private:
    /// What is known of an entry beside it.
    enum Mark : uint8_t {
        of_peer = 1,  // a peer told of it, and no packet has come since
        young = 2     // it was told of once: if that was lost, it is worth a second time
    };

    std::vector<size_t> buckets_for(uint64_t hash, unsigned bucket_bits) const;
    std::optional<size_t> find_room(size_t bucket, uint64_t entry, const Times& times) const;
    Taken take_into(size_t bucket, const FlowWord& word, uint64_t most, const Times& times);
    Taken replace(size_t place, uint64_t there, const FlowWord& word, const Times& times);
    bool write(size_t place, uint64_t expected, uint64_t entry);
    __u64& slot(size_t place) const { return table_[place / WEIR_WAYS].entry[place % WEIR_WAYS]; }
    void mark_own(size_t place);
    bool is_due(size_t place, uint64_t entry, const Times& times);

    std::span<weir_bucket> table_;
    std::vector<uint64_t> known_;  // as last told or taken, by place
    std::vector<uint8_t> marks_;   // of Mark, by place
    uint64_t from_peers_ = 0;
};

}  // namespace weir::engine::xdp
