#include "control/merge.h"

namespace weir::control {

health::Checker::Work work_of(const model::Config& config) {
    health::Checker::Work work;
    for (const auto& [name, service] : config.services) {
        if (service.checks.empty()) continue;
        auto members = model::members_of(config, service);
        for (const auto& frontend : model::frontends_of(service))
            for (const auto& member : members) work[{frontend, member.backend->address}] = service.checks;
    }
    return work;
}

model::HealthMap merge(const std::map<model::TargetKey, health::Checked>& checked,
                       const std::map<model::TargetKey, std::string>& unreachable) {
    model::HealthMap health;
    for (const auto& [target, result] : checked) health[target] = result.health;
    for (const auto& [target, reason] : unreachable) health[target] = {false, reason};
    return health;
}

}  // namespace weir::control
