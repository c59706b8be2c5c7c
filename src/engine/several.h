// Several engines as one. Each frontend is carried by the engine that it names, and an engine that no
// frontend names is not started.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace weir::engine {

/// Whether a plan has something to do for an engine. A plan without any frontend is XDP's where it names
/// interfaces: packets are to be counted there.
bool needs(const model::Plan& plan, model::EngineKind kind);

/// The plan with this engine's frontends alone.
model::Plan part_of(const model::Plan& plan, model::EngineKind kind);

class Several final : public Engine {
  public:
    struct Member {
        model::EngineKind kind;
        /// The engine is told what to call when its unreachable() may have changed.
        std::function<Result<std::unique_ptr<Engine>>(std::function<void()> on_change)> start;
        /// Removes what a former daemon's engine has left in force.
        std::function<Status()> clean_up;
    };

    /// Of several that could answer for a target or flow that no plan has, the first is asked.
    Several(std::vector<Member> members, std::function<void()> on_change);

    /// Starts the engines that the plan needs. Fails where none of them can be; those that cannot are tried
    /// again with each plan.
    Status start(const model::Plan& plan);

    /// An engine that fails does not keep the others from their parts: apply() says what failed, and
    /// is_in_force() whose part is in force. An engine that the plan no longer needs removes what it has.
    Status apply(const model::Plan& plan) override;
    bool is_in_force(model::EngineKind kind) const override;

    const std::map<model::TargetKey, std::string>& unreachable() const override { return unreachable_; }
    Observation observe() override;
    Observation observe(const std::vector<model::TargetKey>& targets) override;
    Result<Verdict> trace(const Flow& flow) override;
    net::Opened open_passage(const model::TargetKey& target, net::Carrier carrier, net::Port port) override;

  private:
    struct Part {
        Member member;
        std::unique_ptr<Engine> engine{};  // null before a plan needs it
        bool in_force = false;
        bool is_clean = false;  // nothing of a former daemon's is left
        std::string failure{};  // why it could not be started
        uint64_t counts = 0;    // counts_total as it was when it was last counted in
    };

    Status start(Part& part);
    Status apply(Part& part, const model::Plan& plan);
    Part* of(const model::FrontendKey& key);
    Observation merge(std::map<const Part*, Observation> seen);
    uint64_t count_in(const std::map<const Part*, Observation>& seen);
    void look_around();

    std::vector<Part> parts_;
    std::function<void()> on_change_;
    model::Plan plan_;  // the last that apply() was called with
    std::map<model::TargetKey, std::string> unreachable_;
    uint64_t counts_ = 0;  // how often all have counted their flows
};

}  // namespace weir::engine
