#include "control/preview.h"

namespace weir::control {

std::expected<model::Plan, std::vector<config::Mistake>> preview(std::string_view yaml,
                                                                 const model::HealthMap& known,
                                                                 const model::Allowances& allowances,
                                                                 const model::Overrides& overrides) {
    auto loaded = config::parse(yaml);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    return preview(*loaded, known, allowances, overrides);
}

model::Plan preview(const model::Config& config, model::HealthMap known, const model::Allowances& allowances,
                    const model::Overrides& overrides) {
    for (const auto& target : model::targets_of(config))
        known.try_emplace(target, model::Health{true, "assumed: not checked yet"});
    return model::plan(config, known, allowances, overrides);
}

}  // namespace weir::control
