// What holds targets back for a while: they have just come up (slow start), they carry more than their share
// (wlc), they are full (max_connections). Pure: what it says follows from the configuration, the plans and
// loads that it has been shown, and the time; nothing runs by itself.
#pragma once

#include "control/caps.h"
#include "control/ramp.h"
#include "model/plan.h"

namespace weir::control {

/// What of that goes on in the next daemon, of one target.
struct Held {
    std::optional<std::chrono::nanoseconds> ramping;  // for so long by now
    uint32_t correction = model::kWhole;

    bool operator==(const Held&) const = default;
};
using Holds = std::map<model::TargetKey, Held>;

class Restraint {
  public:
    /// Whether a service's choice depends on time: then tick() is to be called once a second.
    static bool ticks(const model::Config& config);
    /// Whether one depends on the loads, which are then to be observed for that.
    static bool wants_loads(const model::Config& config);

    /// Who may take new flows by now. To be called with every new plan.
    void look(const model::Config& config, const model::Plan& plan, SteadyTime now);

    /// A second later. `flows` fill caps; `loads` are what wlc makes even: flows, or what another source
    /// says.
    void tick(const model::Config& config, const model::Plan& plan, const Loads& flows, const Loads& loads,
              SteadyTime now);

    const model::Allowances& allowances() const { return allowances_; }

    /// Of those that are held back.
    Holds holds(SteadyTime now) const;
    /// Before the first look(): goes on where the former daemon was, with the targets that its datapath has.
    /// Caps go by the flows alone.
    void resume(const model::HealthMap& recovered, const Holds& holds, SteadyTime now);

  private:
    void correct(const model::Config& config, const model::Plan& plan, const Loads& loads);
    void allow(const model::Config& config, const model::Plan& plan, SteadyTime now);
    uint32_t correction(const model::TargetKey& target) const;

    Ramps ramps_;
    Caps caps_;
    std::map<model::TargetKey, uint32_t> corrections_;  // of kWhole; of those that are not there all
    SteadyTime corrected_at_{};
    model::Allowances allowances_;
};

}  // namespace weir::control
