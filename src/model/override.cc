#include "model/override.h"

namespace weir::model {

Result<AdminState> read_admin_state(std::string_view text) {
    for (auto state : {AdminState::enabled, AdminState::draining, AdminState::disabled})
        if (to_text(state) == text) return state;
    return fail("'{}' is no state; there are enabled, draining and disabled", text);
}

std::string text_of(const OverrideKey& key) {
    auto address = key.backend.text();
    return key.service.empty() ? address : fmt::format("{} in service {}", address, key.service);
}

std::optional<Override> ServiceOverrides::of(const net::Ip& backend) const {
    if (all_.empty()) return std::nullopt;
    const Override* everywhere = nullptr;
    const Override* own = nullptr;
    for (auto it = all_.lower_bound({backend}); it != all_.end() && it->first.backend == backend; ++it) {
        if (it->first.service.empty()) everywhere = &it->second;
        if (it->first.service == service_) own = &it->second;
    }
    if (!own && !everywhere) return std::nullopt;
    auto merged = own ? *own : *everywhere;
    if (!own || !everywhere) return merged;
    if (!merged.state) {
        merged.state = everywhere->state;
        merged.deadline = everywhere->deadline;
        merged.flows_cut = everywhere->flows_cut;
    }
    if (!merged.weight) merged.weight = everywhere->weight;
    return merged;
}

Backend ServiceOverrides::apply(Backend backend) const {
    if (auto found = of(backend.address)) {
        backend.state = found->state.value_or(backend.state);
        backend.weight = found->weight.value_or(backend.weight);
    }
    return backend;
}

}  // namespace weir::model
