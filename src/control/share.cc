#include "control/share.h"

#include <algorithm>

#include "sched/candidates.h"

namespace weir::control {
namespace {

std::vector<sched::Candidate> candidates_of(const model::Frontend& frontend) {
    auto candidates = sched::candidates_of(frontend, [](const model::Target&) { return true; });
    std::ranges::sort(candidates);
    return candidates;
}

}  // namespace

const std::vector<net::Ip>& Tables::of(const model::Frontend& frontend) {
    auto [found, is_new] = made_.try_emplace({frontend.scheduler, candidates_of(frontend)});
    if (is_new) {
        const auto& candidates = found->first.second;
        for (auto index : sched::build_table(frontend.scheduler, candidates))
            found->second.push_back(candidates[index].address);
    }
    return found->second;
}

std::map<net::Ip, double> shares(const std::vector<net::Ip>& table) {
    std::map<net::Ip, size_t> entries;
    for (const auto& address : table) ++entries[address];
    std::map<net::Ip, double> shares;
    for (const auto& [address, count] : entries)
        shares[address] = static_cast<double>(count) / static_cast<double>(table.size());
    return shares;
}

double moved(const std::vector<net::Ip>& before, const std::vector<net::Ip>& after) {
    if (before.empty()) return 0;
    if (after.empty()) return 1;
    if (before.size() == after.size()) {
        size_t same = 0;
        for (size_t i = 0; i < before.size(); ++i) same += before[i] == after[i];
        return 1 - static_cast<double>(same) / static_cast<double>(before.size());
    }
    // Tables of different sizes place flows independently of each other.
    double same = 0;
    auto new_shares = shares(after);
    for (const auto& [address, share] : shares(before))
        if (auto found = new_shares.find(address); found != new_shares.end()) same += share * found->second;
    return 1 - same;
}

}  // namespace weir::control
