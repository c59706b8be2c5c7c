// Makes the datapath's tables agree with a plan: numbers the targets, builds the rings, writes the idle
// generation and flips. Established flows keep their backend through every change, a restart and a growth of
// the tables included. Knows nothing of interfaces and neighbours: where a backend is at layer 2 is given to
// it.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/replay.h"
#include "engine/xdp/capture_ring.h"
#include "engine/xdp/claims.h"
#include "engine/xdp/datapath.h"
#include "engine/xdp/flow_scan.h"
#include "engine/xdp/flow_sharing.h"
#include "engine/xdp/frontend_rows.h"
#include "engine/xdp/numbers.h"
#include "engine/xdp/ring_space.h"
#include "engine/xdp/target_row.h"
#include "engine/xdp/ticks.h"
#include "engine/xdp/translations.h"
#include "model/flow_store.h"
#include "sched/table.h"

namespace weir::engine::xdp {

/// What a former daemon left of one target.
struct Recovered {
    model::TargetKey key;
    model::Accepts accepts;
    Hop hop;
};

/// An interface that frames come in by.
struct Port {
    net::Mac mac;
    bool generic = false;
    uint32_t bond = 0;  // whose port it is: what frames to its network leave by; 0: by itself
    uint32_t mtu = 1500;

    bool operator==(const Port&) const = default;
};
using Ports = std::map<uint32_t, Port>;  // by the interface's index

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

    /// What is the very same in the plan, and in the ways, as it was before costs nothing.
    Status apply(const model::Plan& plan, const SharedHops& hops);
    Status apply(const model::Plan& plan, const Hops& hops) {
        return apply(plan, std::make_shared<const Hops>(hops));
    }

    /// The interfaces of this balancer. To be repeated when they change, and after apply().
    Status set_ports(const Ports& ports);

    /// Those since the last question; of many at once the last.
    std::vector<Conflict> take_conflicts();

    /// The program in force, once a plan has been applied.
    std::optional<int> program() const;

    /// The datapath goes on for so long after this call, then packets pass to the host's stack; 0: forever.
    Status beat(std::chrono::milliseconds time) const;

    /// Looks at a part of the flow table, so that calling it every 20 ms makes a pass in some two seconds.
    void scan();

    /// Reasons, the flow table's use, and the traffic of these targets.
    void observe(Observation& into, const std::vector<model::TargetKey>& targets) const;
    /// The traffic of all.
    void observe_targets(Observation& into) const;

    /// Of a whole frame that comes in by an interface (0: whichever); the answer's reason is one of
    /// reasons.def, or how the backend was found.
    Result<Verdict> ask(std::span<const uint8_t> frame, int interface = 0) const;

    /// Sends a frame through the program that is in force, with all that it remembers and counts; nothing
    /// leaves the machine.
    Result<Replayed> replay(std::span<const uint8_t> frame, int interface = 0);

    /// Puts the program's capturing twin into force: the sink is told of the packets that the filter lets
    /// through, over changes of the plan too. `plan` is the one in force.
    Status begin_capture(const CaptureFilter& filter, const model::Plan& plan, CaptureRing::Sink sink);
    /// Tells of what has come. False when no capture runs.
    bool read_captured();
    /// Tells of the rest; the ordinary program is back. How many packets were lost.
    uint64_t end_capture();

    /// What the program says of a packet, in words. `half`: the generation by which it went.
    Decision decide(uint32_t action, const weir_trace& trace, uint32_t half) const;

    // As model::FlowStore has them.
    size_t buckets() const { return datapath_ ? datapath_->flows().size() : 0; }
    void read_changes(size_t first, size_t count, std::vector<model::ToldFlow>& out);
    void read_all(size_t first, size_t count, std::vector<model::ToldFlow>& out);
    model::TakenFlows take(const model::TargetKey& target, unsigned bucket_bits,
                           std::span<const model::SharedFlow> flows, unsigned share);
    uint64_t from_peers() const { return sharing_ ? sharing_->from_peers() : 0; }

  private:
    using FrontendItem = SharedList<model::Frontend>::Item;
    using Candidates = std::vector<sched::Candidate>;
    struct Ring {
        FrontendItem made_of{};  // with these ways
        SharedHops hops{};
        std::optional<Candidates> candidates{};  // unknown of a ring that was adopted
        model::Scheduler scheduler{};
        Lines lines{};
        uint32_t size = 0;
    };
    /// What the target rows of a generation were written from.
    struct Written {
        model::Plan plan;
        SharedHops hops;
        uint64_t numbers = 0;  // Numbers::changes()
    };
    using Halves = std::array<std::optional<Written>, 2>;  // by generation
    struct Named {
        model::FrontendKey key;
        std::string service;
        bool by_flow = true;  // the scheduler looks at the flow, so what it would choose can be told
    };
    struct Capture {
        CaptureFilter filter;
        CaptureRing::Sink sink;
        std::unique_ptr<CaptureRing> ring;
        std::unique_ptr<CaptureRing> former{};  // of a datapath that is about to be replaced
        uint64_t lost = 0;                      // by such ones
    };
    /// A datapath that is still in force, with what belongs to it, until the one that was loaded in its place
    /// is.
    struct Former {
        std::unique_ptr<Datapath> datapath;
        Numbers numbers;
        std::optional<model::Plan> numbered;
        Halves written;
        std::optional<RingSpace> space;
        std::map<model::FrontendKey, Ring> rings;
        std::vector<Lines> replaced, leaving;
        std::optional<FlowScan> scan;
        std::optional<TranslationScan> new_translations, translations;
        Timeouts timeouts{};
        std::array<std::vector<Named>, 2> frontends;
        bool in_force = false;   // else a former daemon's program runs over its maps
        bool exchanged = false;  // some interfaces may have the new program already
    };
    struct RingsWritten {
        size_t count = 0;
        bool all = false;  // else there was no room for more
    };

    Tables(std::string directory, Switch put_in_force, Ticks ticks, Grace grace);

    void adopt();
    void begin_scans();
    size_t numbers_needed(const model::Plan& plan) const;
    bool has_room_for(const model::Plan& plan, const Sizes& need) const;
    bool has_secret_of(const model::Plan& plan) const;
    Status set_secret(weir_state& state, const model::Plan& plan) const;
    Status grow(const model::Plan& plan, Sizes need);
    const model::TargetKey* key_of_number(uint32_t number);
    std::optional<FlowSharing::Times> begin_sharing();
    FlowSharing::Sink teller(std::vector<model::ToldFlow>& out);
    void forget_ports_but(const Ports& ports);
    Status assign_numbers(const model::Plan& plan);
    Status make_room(const model::Plan& plan);
    Status make_agree(const model::Plan& plan, const SharedHops& hops);
    Status bring_into_force(const model::Plan& plan, const SharedHops& hops);
    Status put_in_force();
    void lay_aside();
    void go_back();
    RingsWritten write_rings(const model::Plan& plan, const SharedHops& hops);
    std::optional<Candidates> new_candidates(const FrontendItem& item, const SharedHops& hops);
    std::vector<uint32_t> numbers_in(const Ring& ring) const;
    bool write_ring(Ring ring, const std::vector<uint32_t>& table);
    void drop_rings(const model::Plan& plan);
    Status write_generation(const model::Plan& plan, const SharedHops& hops);
    void write_targets(const model::Plan& plan, const SharedHops& hops, uint32_t half);
    const FrontendRows& rows_of(const model::Plan& plan);
    Status write_frontends(const model::Plan& plan, uint32_t half);
    void carry_over() const;
    Traffic traffic_of(uint32_t number) const;
    Verdict explain(uint32_t action, const weir_trace& trace, uint32_t half) const;
    const Named* frontend_of(const weir_trace& trace, uint32_t half) const;
    Status choose_captured(const model::Plan& plan, uint32_t half);
    void renew_capture();
    void leave_former_capture();
    void settle();

    std::string directory_;
    Switch put_in_force_;
    Ticks ticks_;
    Grace grace_;
    std::future<void> passing_;  // the grace period since the last generation came into force
    std::unique_ptr<Datapath> datapath_;
    Numbers numbers_;
    std::optional<model::Plan> numbered_;  // the plan whose targets they are of
    Halves written_;
    std::optional<RingSpace> space_;
    std::map<model::FrontendKey, Ring> rings_;
    std::vector<Lines> replaced_;  // ring lines that the generation in use has, and the next has not
    std::vector<Lines> leaving_;   // those that packets of the last generation may still read
    std::optional<FlowScan> scan_;
    uint64_t counts_ = 0;  // whole passes that it has made
    std::chrono::steady_clock::time_point former_secret_until_;
    std::optional<FlowSharing> sharing_;  // from the first time that somebody asks for flows to share
    struct Keys {
        uint64_t of;  // Numbers::changes()
        std::vector<const model::TargetKey*> by_number;
    };
    std::optional<Keys> keys_;
    std::optional<TranslationScan> new_translations_, translations_;
    Ports ports_;
    struct Applied {
        model::Plan plan;
        SharedHops hops;
    };
    std::optional<Applied> applied_;  // the last
    struct Laid {
        model::Plan plan;
        FrontendRows rows;
    };
    std::optional<Laid> laid_;  // what a plan's frontends come to, for as long as plans agree on it
    Timeouts timeouts_{};
    std::array<std::vector<Named>, 2> frontends_;  // by generation; the datapath counts from 1
    std::optional<Former> former_;
    bool in_force_ = false;
    std::optional<Capture> capture_;  // while one runs
};

}  // namespace weir::engine::xdp
