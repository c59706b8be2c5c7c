// Reads what changes in the flow table and tells the peers: its share of the buckets in each step, so that
// all are read within kPass, or as soon as the limits let it.
#pragma once

#include "model/flow_store.h"
#include "sync/outbox.h"

namespace weir::sync {

class Teller {
  public:
    explicit Teller(model::FlowStore& store) : store_(store) {}

    /// Only where somebody listens: what nobody has been told stays a change.
    void step(Outbox& outbox, Time now);

    /// How long it takes until all changes are told.
    std::chrono::milliseconds pass() const { return pass_; }

    static constexpr std::chrono::milliseconds kPass{200};
    static constexpr size_t kMostBuckets = 32768;  // a step
    static constexpr size_t kMostFlows = 16384;    // a step, about

  private:
    size_t share(Time now);
    void went_round(Time now);

    model::FlowStore& store_;
    size_t buckets_ = 0;
    size_t next_ = 0;
    std::optional<Time> last_step_;
    Time pass_began_{};
    std::chrono::milliseconds pass_{0};
    std::vector<model::ToldFlow> told_;
};

/// Tells in bodies of flows, ordered by target.
void pack(std::vector<model::ToldFlow>& told, size_t buckets,
          const std::function<void(const FlowsWriter::Body& body)>& send);

}  // namespace weir::sync
