// What part of the new flows each target gets, and what part moves when a plan replaces another. Read off the
// very tables that XDP's datapath looks up; for other engines that is what the weights come to. Pure, but
// slow for many big tables: keep it off the control thread.
#pragma once

#include <map>
#include <vector>

#include "model/plan.h"
#include "sched/table.h"

namespace weir::control {

/// Makes tables, each only once: frontends of one service share theirs.
class Tables {
  public:
    /// For each table entry the backend that it names; empty when nobody takes new flows.
    const std::vector<net::Ip>& of(const model::Frontend& frontend);

  private:
    std::map<std::pair<model::Scheduler, std::vector<sched::Candidate>>, std::vector<net::Ip>> made_;
};

/// Share of new flows by backend, from 0 to 1; backends without a share are left out.
std::map<net::Ip, double> shares(const std::vector<net::Ip>& table);

/// The share of new flows that had a backend before and would get another one, or none, after.
double moved(const std::vector<net::Ip>& before, const std::vector<net::Ip>& after);

}  // namespace weir::control
