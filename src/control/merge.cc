#include "control/merge.h"

namespace weir::control {
namespace {

std::vector<model::Check> checks_of(const model::Service& service, const model::FrontendKey& frontend,
                                    const model::Backend& backend) {
    auto checks = service.checks;
    for (auto& check : checks)
        if (auto* exec = std::get_if<model::ExecCheck>(&check.kind))
            exec->backend_port = model::port_behind(frontend, backend, check.port.value_or(frontend.port));
    return checks;
}

}  // namespace

health::Checker::Work work_of(const model::Config& config) {
    health::Checker::Work work;
    for (const auto& [name, service] : config.services) {
        if (service.checks.empty()) continue;
        auto members = model::members_of(config, service);
        for (const auto& frontend : model::frontends_of(service))
            for (const auto& member : members)
                work[{frontend, member.backend->address}] = checks_of(service, frontend, *member.backend);
    }
    return work;
}

model::HealthMap merge(std::map<model::TargetKey, health::Checked> checked,
                       const std::map<model::TargetKey, std::string>& unreachable) {
    model::HealthMap health;
    for (auto& [target, result] : checked)
        health.emplace_hint(health.end(), target, std::move(result.health));
    for (const auto& [target, reason] : unreachable)
        health.insert_or_assign(target, model::Health{false, reason});
    return health;
}

}  // namespace weir::control
