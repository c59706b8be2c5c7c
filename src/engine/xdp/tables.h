// Makes the datapath's tables agree with a plan: numbers the targets, builds the rings, writes the idle
// generation and flips. Established flows keep their backend through every change, a restart and a growth of
// the tables included. Knows nothing of interfaces and neighbours: where a backend is at layer 2 is given to
// it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/xdp/datapath.h"
#include "engine/xdp/flow_scan.h"
#include "engine/xdp/numbers.h"
#include "engine/xdp/ring_space.h"
#include "engine/xdp/ticks.h"
#include "sched/table.h"

namespace weir::engine::xdp {

/// The next hop of a backend's frames: both MACs of the Ethernet header.
struct Hop {
    net::Mac mac;
    net::Mac source_mac;

    bool operator==(const Hop&) const = default;
};
using Hops = std::map<net::Ip, Hop>;  // by backend; those that are missing get no packets

/// What a former daemon left of one target.
struct Recovered {
    model::TargetKey key;
    model::Accepts accepts;
    Hop hop;
};

class Tables {
  public:
    /// Puts a program into force, in place of the former one.
    using Switch = std::function<Status(int program)>;

    /// Adopts the tables pinned under `directory`, where there are any. Empty: nothing is pinned.
    /// `put_in_force` is called within apply() whenever a new program has been loaded and its tables are
    /// written.
    static Result<std::unique_ptr<Tables>> open(std::string directory, Switch put_in_force);

    /// What was adopted; empty when nothing was.
    std::vector<Recovered> recovered() const;

    Status apply(const model::Plan& plan, const Hops& hops);

    /// The program in force, once a plan has been applied.
    std::optional<int> program() const;

    /// Looks at a part of the flow table, so that calling it every 20 ms makes a pass in some two seconds.
    void scan();

    /// Traffic by target, reasons and the flow table's use.
    void observe(Observation& into) const;

    /// Of a whole frame; `text` of the reason is Verdict::reason.
    Result<Verdict> ask(std::span<const uint8_t> frame) const;

  private:
    struct Ring {
        Lines lines;
        model::Scheduler scheduler;
        std::optional<std::vector<sched::Candidate>> candidates;  // unknown of a ring that was adopted
        uint32_t size = 0;
    };
    using Built = std::map<std::pair<model::Scheduler, std::vector<sched::Candidate>>, std::vector<uint32_t>>;

    Tables(std::string directory, Switch put_in_force, Ticks ticks, Grace grace);

    void adopt();
    bool has_room_for(const model::Plan& plan) const;
    Status grow(const model::Plan& plan);
    Status put_in_force();
    size_t write_rings(const model::Plan& plan, const Hops& hops, size_t from);
    bool write_ring(const model::Frontend& frontend, const Hops& hops, Built& built);
    void write_generation(const model::Plan& plan, const Hops& hops);
    void write_targets(const model::Plan& plan, const Hops& hops, Rows<weir_target> rows) const;
    uint64_t write_frontends(const model::Plan& plan, Rows<weir_frontend> rows);
    void settle();

    std::string directory_;
    Switch put_in_force_;
    Ticks ticks_;
    Grace grace_;
    std::unique_ptr<Datapath> datapath_;
    Numbers numbers_;
    std::optional<RingSpace> space_;
    std::map<model::FrontendKey, Ring> rings_;
    std::vector<Lines> leaving_;  // ring lines that packets of the last generation may still read
    std::optional<FlowScan> scan_;
    Timeouts timeouts_{};
    std::unique_ptr<Datapath> former_;  // still in force, until datapath_ is
    bool in_force_ = false;
};

}  // namespace weir::engine::xdp
