// Which backend each entry of a service's lookup table names: consistent hashing, and turns. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "net/ip.h"

namespace weir::sched {

constexpr uint32_t kMostWeight = 65535;

struct Candidate {
    net::Ip address;      // what a candidate is known by: its place in the list does not matter
    uint32_t weight = 1;  // 1 … kMostWeight

    auto operator<=>(const Candidate&) const = default;
};

/// A table of scheduler.table_size entries, each the index of a candidate; empty where there is no candidate.
/// It depends on nothing but the set of candidates and the size, not on their order or the machine; when a
/// candidate comes or goes or changes its weight, few entries move between the others. Addresses are
/// distinct.
std::vector<uint32_t> build_table(const model::Scheduler& scheduler, std::span<const Candidate> candidates);

/// After Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
/// section 3.4. Every candidate gets its weight's share, rounded to whole entries. `size` should be a prime.
std::vector<uint32_t> build_maglev(std::span<const Candidate> candidates, uint32_t size);

/// Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996; weights after Schindelhauer
/// and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005. Nothing moves between the others at all, but
/// shares are right on average only, and building costs candidates × size.
std::vector<uint32_t> build_rendezvous(std::span<const Candidate> candidates, uint32_t size);

/// Weighted round robin, smoothly: an entry's successor is the next to have a flow. Every candidate's k-th
/// entry is due at (k - 1/2) / weight, the earliest comes first; equal weights go round and round.
std::vector<uint32_t> build_turns(std::span<const Candidate> candidates, uint32_t size);

}  // namespace weir::sched
