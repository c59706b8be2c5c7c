// Whoever joins gets to know all flows at once from one peer. Two sides: asking, and serving.
#pragma once

#include <set>

#include "sync/teller.h"

namespace weir::sync {

/// The one that asks: when it begins, when its table is another, and when a peer comes back that had been
/// silent for a while.
class Joining {
  public:
    void step(Roster& roster, Outbox& outbox, size_t buckets, Time now);

    /// Flows came from there for us alone.
    void flows_came(const Peer& peer, size_t flows, Time now);
    void end_came(Peer& peer, const SnapshotEnd& end);

    bool is_complete() const { return complete_; }

    /// For people.
    std::string text() const;
    void count(SnapshotCounts& counts) const;

    static constexpr std::chrono::seconds kSettle{1};    // until all peers believe each other
    static constexpr std::chrono::seconds kPatience{2};  // without progress

  private:
    struct Asked {
        uint64_t peer = 0;
        std::string name{};
        uint32_t number = 0;
        Time last_progress{};
        uint64_t flows = 0;
    };

    Peer* choose(Roster& roster) const;
    void give_up();

    size_t buckets_ = 0;
    bool complete_ = false;
    std::optional<Time> somebody_up_since_;
    std::optional<Asked> asked_;
    std::set<uint64_t> tried_;  // in vain
    uint32_t last_number_ = 0;
    uint64_t missing_ = 0;  // flows of the last one
    SnapshotCounts counts_;
};

/// The one that is asked: one peer after another, at its own pace.
class Serving {
  public:
    explicit Serving(model::FlowStore& store) : store_(store) {}

    void ask(const Peer& peer, const SnapshotRequest& request);
    void step(Roster& roster, Outbox& outbox, Time now);

    uint64_t served_total() const { return served_total_; }

    static constexpr size_t kFlowsPerSecond = 200'000;

  private:
    struct Asked {
        uint64_t peer = 0;
        uint32_t number = 0;
    };

    void begin();

    model::FlowStore& store_;
    std::deque<Asked> asked_;  // the first is served
    size_t buckets_ = 0;
    size_t next_ = 0;
    uint64_t flows_ = 0;
    Time last_step_{};
    double allowance_ = 0;  // flows
    uint64_t served_total_ = 0;
};

}  // namespace weir::sync
