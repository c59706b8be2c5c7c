// The flow table as those see it who share it: what to tell other balancers, and what they tell.
//
// A flow is known by its hash under the group's secret (plan.h: flow_secret), of which a table holds some of
// the bits: the highest (the tag) and the lowest (the bucket, more of them in a larger table).
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "model/plan.h"

namespace weir::model {

/// Those of which a second packet has come. Others are not shared: a flood would fill all tables.
enum class FlowState : uint8_t { established = 1, closing = 2, datagram = 3 };

struct SharedFlow {
    uint64_t hash = 0;  // bits that the table does not hold are 0
    FlowState state = FlowState::established;
    std::chrono::seconds idle{0};  // since its last packet: up to some ticks of the table more

    bool operator==(const SharedFlow&) const = default;
};

struct ToldFlow {
    const TargetKey* target;  // until the next plan is applied
    SharedFlow flow;
};

/// What became of flows that a peer told of.
struct TakenFlows {
    uint64_t taken = 0;    // new here, or newer than what a peer had told
    uint64_t kept = 0;     // this balancer has seen packets of the flow itself: nobody else's word counts
    uint64_t unknown = 0;  // here is no such target
    uint64_t full = 0;     // the bucket is, or the peers' share of the table
    uint64_t unfit = 0;    // the peer's table is more than 8 times smaller than this one

    TakenFlows& operator+=(const TakenFlows& other) {
        taken += other.taken;
        kept += other.kept;
        unknown += other.unknown;
        full += other.full;
        unfit += other.unfit;
        return *this;
    }
    bool operator==(const TakenFlows&) const = default;
};

/// All on the control thread, beside a datapath that goes on writing.
class FlowStore {
  public:
    virtual ~FlowStore() = default;

    /// 0 before the first plan is applied. Changes when the table is resized.
    virtual size_t buckets() const = 0;

    /// Of this balancer's own flows in buckets [first, first + count): those that are new, that have ended,
    /// moved to another target or lived on for a while since they were last read so. Appended. A flow that a
    /// peer told of is this balancer's own as soon as a packet of it comes here.
    virtual void read_changes(size_t first, size_t count, std::vector<ToldFlow>& out) = 0;

    /// All flows in these buckets, the peers' too. Appended.
    virtual void read_all(size_t first, size_t count, std::vector<ToldFlow>& out) = 0;

    /// What a peer tells of flows of one target, from a table of 2^bucket_bits buckets. `share`: percent of
    /// the table that flows of peers may take.
    virtual TakenFlows take(const TargetKey& target, unsigned bucket_bits, std::span<const SharedFlow> flows,
                            unsigned share) = 0;

    /// Entries that peers told of and that no packet here has touched, about.
    virtual uint64_t from_peers() const = 0;
};

}  // namespace weir::model
