// What the workers carry out: an immutable picture of the plan, made on the control thread and handed to
// every worker whole. A connection that has its backend goes on whatever later snapshots say, until its
// backend may not even keep what it has.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/proxy/budget.h"
#include "engine/proxy/tokens.h"
#include "model/plan.h"
#include "net/ip.h"

namespace weir::engine::proxy {

/// What one worker has seen of one target, or of one frontend. Written by that worker, read by all.
struct alignas(64) Tally {
    std::atomic<uint64_t> active{0};    // connections, or sessions
    std::atomic<uint64_t> total{0};     // since the engine has begun
    std::atomic<uint64_t> in_bytes{0};  // from clients
    std::atomic<uint64_t> out_bytes{0};
    std::atomic<uint64_t> in_packets{0};  // datagrams, and chunks of streams
    std::atomic<uint64_t> failed{0};      // connections that the backend did not take
    std::atomic<uint64_t> in_a_row{0};    // of these since it took one
};

/// Of all workers; the place in it is the worker's number. It lives for as long as its target is in the plan
/// or has connections.
struct Tallies {
    explicit Tallies(size_t workers) : by_worker(workers) {}

    uint64_t active() const {
        uint64_t sum = 0;
        for (const auto& each : by_worker) sum += each.active.load(std::memory_order_relaxed);
        return sum;
    }

    std::vector<Tally> by_worker;
};

struct Target {
    net::Endpoint backend;  // with the port that connections go to
    uint32_t weight = 0;    // beside the others'; 0: takes nothing new
    bool keeps = true;      // what it has; else that ends now
    uint32_t max_connections = 0;
    std::shared_ptr<Tallies> tallies;
};

/// One frontend.
struct Route {
    model::FrontendKey key;
    std::string service;
    model::Proxy settings;
    model::SchedulerKind scheduler = model::SchedulerKind::maglev;
    std::optional<model::Sticky> sticky;
    std::vector<Target> targets;  // in the plan's order
    /// Of maglev and rendezvous: places in `targets`; empty where none takes anything. Of others null.
    std::shared_ptr<const std::vector<uint32_t>> table;
    /// In place of targets: each connection uses one. Else null.
    std::shared_ptr<Tokens> tokens{};
    std::shared_ptr<Tallies> tallies;  // of the frontend
    std::shared_ptr<Budget> budget;    // of the service: its bandwidth and its connections
};

struct Snapshot {
    uint64_t number = 0;
    model::ProxyEngine settings;
    std::vector<std::shared_ptr<const Route>> routes;  // ordered by key
};

}  // namespace weir::engine::proxy
