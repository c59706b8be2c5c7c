// What outlives a snapshot: the tallies of targets and frontends, the services' budgets, and tables that need
// not be built again. And how a snapshot is made of a plan.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/proxy/snapshot.h"
#include "sched/table.h"

namespace weir::engine::proxy {

class Snapshots {
  public:
    explicit Snapshots(size_t workers) : workers_(workers) {}

    /// The proxy's frontends of the plan. `shunned` get no new connections.
    std::shared_ptr<const Snapshot> snapshot(const model::Plan& plan,
                                             const std::set<model::TargetKey>& shunned);

    /// Null where it has none: no snapshot had the target, or it has gone with its last connection.
    const Tallies* of(const model::TargetKey& target) const;
    /// Every target's that there is.
    const std::map<model::TargetKey, std::shared_ptr<Tallies>>& targets() const { return targets_; }

    /// Drops what is in no snapshot of late, and has no connection.
    void forget(const Snapshot& present);

  private:
    using Table = std::vector<uint32_t>;
    using TableKey = std::tuple<model::Scheduler, std::vector<sched::Candidate>, std::vector<uint32_t>>;

    std::shared_ptr<const Route> route(const model::Frontend& frontend,
                                       const std::set<model::TargetKey>& shunned);
    std::shared_ptr<const Table> table(const model::Scheduler& scheduler,
                                       std::vector<sched::Candidate> candidates,
                                       std::vector<uint32_t> places);

    size_t workers_;
    uint64_t number_ = 0;
    std::map<model::TargetKey, std::shared_ptr<Tallies>> targets_;
    std::map<model::FrontendKey, std::shared_ptr<Tallies>> frontends_;
    std::map<std::string, std::shared_ptr<Budget>> budgets_;
    std::map<TableKey, std::weak_ptr<const Table>> tables_;
};

}  // namespace weir::engine::proxy
