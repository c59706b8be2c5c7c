// An engine carries a plan out: it moves the packets, and says what it sees. A few operations, a fake in
// fake.h. All of it runs on the control thread; an engine calls its observer (given at construction) there
// too.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/plan.h"
#include "net/ip.h"
#include "net/passage.h"

namespace weir::engine {

/// Flows by how far they are.
struct FlowStates {
    uint64_t begun = 0;        // of a first packet only, whatever the protocol
    uint64_t established = 0;  // TCP, from the second packet on
    uint64_t closing = 0;      // TCP, since the client's FIN, or a RST
    uint64_t datagram = 0;     // any other protocol, from the second packet on

    uint64_t total() const { return begun + established + closing + datagram; }
    FlowStates& operator+=(const FlowStates& other) {
        begun += other.begun;
        established += other.established;
        closing += other.closing;
        datagram += other.datagram;
        return *this;
    }
    bool operator==(const FlowStates&) const = default;
};

struct Traffic {
    uint64_t flows_active = 0;  // entries of the flow table that have not expired
    uint64_t flows_total = 0;
    uint64_t packets_total = 0;
    uint64_t bytes_total = 0;  // of the frames as they came in, without FCS
    FlowStates flows{};        // flows_active, by state

    bool operator==(const Traffic&) const = default;
};

struct InterfaceState {
    std::string name;
    std::string mode;   // "native", "generic", or "" where nothing is attached
    std::string error;  // why not, or why not in the mode that was asked for

    bool operator==(const InterfaceState&) const = default;
};

/// One reason why packets were not forwarded.
struct ReasonCount {
    std::string reason;   // snake_case, as in the metric's label
    std::string verdict;  // "drop", "pass" (to the host's stack) or "reply" (weir answered itself)
    uint64_t packets_total = 0;
};

struct FlowTable {
    uint64_t capacity = 0;  // entries
    uint64_t used = 0;
    uint64_t counts_total = 0;   // how often all entries have been counted; flows_active is of the last time
    uint64_t full_total = 0;     // flows forwarded without an entry, because their bucket was full
    uint64_t evicted_total = 0;  // entries of flows that had only begun, which made room for newer ones
    uint64_t nat_capacity = 0;   // flows that NAT can translate; 0: no service uses it
    uint64_t nat_used = 0;
    // Of the last time, as flows_active:
    FlowStates flows{};    // those of targets that have left the plan, too
    uint64_t sources = 0;  // the other entries: where a source's next flow goes
};

/// Somebody else on the network says that a VIP, which weir announces, is his.
struct Claim {
    net::Ip vip;
    net::Mac mac;
    std::string interface;  // where he was heard
    std::chrono::system_clock::time_point last_at;

    bool operator==(const Claim&) const = default;
};

struct Observation {
    std::vector<InterfaceState> interfaces;
    std::map<model::TargetKey, Traffic> targets;
    std::vector<ReasonCount> not_forwarded;
    FlowTable flow_table;
    std::vector<Claim> claims;  // of the last minutes
};

/// A flow as a client would open it.
struct Flow {
    net::Endpoint source;
    model::FrontendKey frontend;
};

/// What the datapath does with a flow's next packet, and why.
struct Verdict {
    std::string action;              // "forward", "pass", "drop" or "reply"
    std::optional<net::Ip> backend;  // of "forward"
    std::string reason;              // "flow table", "scheduler", or the reason it is not forwarded
};

class Engine {
  public:
    virtual ~Engine() = default;

    /// Makes the kernel agree with the plan by the least difference. On failure the former plan stays in
    /// force. An interface that fails does not keep the others from it: observe() says why, and the engine
    /// tries it again. Only where none is attached apply() fails.
    virtual Status apply(const model::Plan& plan) = 0;

    /// When apply() has failed: whether the frontends of one kind of engine are as its plan has them all the
    /// same. Of an engine that is several.
    virtual bool is_in_force(model::EngineKind) const { return false; }

    /// Targets of the applied plan that the engine cannot reach, with the reason. The observer is told of
    /// changes.
    virtual const std::map<model::TargetKey, std::string>& unreachable() const = 0;

    virtual Observation observe() = 0;
    /// With the traffic of these targets alone, and at the cost of these alone.
    virtual Observation observe(const std::vector<model::TargetKey>& targets) = 0;

    /// Asks the datapath itself, without changing anything.
    virtual Result<Verdict> trace(const Flow& flow) = 0;

    /// A passage for a probe of one target, to `port` of the VIP on that backend.
    virtual net::Opened open_passage(const model::TargetKey& target, net::Carrier carrier,
                                     net::Port port) = 0;
};

}  // namespace weir::engine
