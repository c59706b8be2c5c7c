#include "control/preview.h"

namespace weir::control {

std::expected<model::Plan, std::vector<config::Mistake>> preview(std::string_view yaml,
                                                                 const model::HealthMap& known,
                                                                 const model::Allowances& allowances) {
    auto loaded = config::parse(yaml);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    return preview(*loaded, known, allowances);
}

model::Plan preview(const model::Config& config, model::HealthMap known,
                    const model::Allowances& allowances) {
    for (const auto& target : model::targets_of(config))
        known.try_emplace(target, model::Health{true, "assumed: not checked yet"});
    return model::plan(config, known, allowances);
}

}  // namespace weir::control
