// What changes when one plan replaces another, as values for people and JSON. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/plan.h"

namespace weir::control {

struct TargetChange {
    net::Ip address;
    std::optional<model::Target> before;  // none: the target is new
    std::optional<model::Target> after;   // none: the target goes

    bool operator==(const TargetChange&) const = default;
};

struct FrontendChange {
    model::Frontend after;
    bool scheduler_changed = false;
    double share_moved = 0;  // of new flows, from 0 to 1
    std::vector<TargetChange> targets;

    bool operator==(const FrontendChange&) const = default;
};

struct Difference {
    std::vector<std::string> settings;  // of the whole daemon that change: "interfaces", "flows", "unmatched"
    std::vector<model::Frontend> added;
    std::vector<model::Frontend> removed;
    std::vector<FrontendChange> changed;

    bool empty() const { return settings.empty() && added.empty() && removed.empty() && changed.empty(); }
};

/// The reasons of targets are for people: two plans that differ only there do not differ.
Difference difference(const model::Plan& before, const model::Plan& after);

/// Whether an engine has anything to do to get from one plan to the other; as difference(), without the
/// detail.
bool same_programming(const model::Plan& a, const model::Plan& b);

/// Frontends of the plan that do not differ from the former's become the very same, so that whoever follows
/// the plans has to look at the others only.
void keep_what_is_same(const model::Plan& former, model::Plan& plan);

}  // namespace weir::control
