#include "control/preview.h"

namespace weir::control {

model::Plan preview(const model::Config& config, model::HealthMap known, const model::Allowances& allowances,
                    const model::Overrides& overrides) {
    for (const auto& target : model::targets_of(config))
        known.try_emplace(target, model::Health{true, "assumed: not checked yet"});
    return model::plan(config, known, allowances, overrides);
}

}  // namespace weir::control
