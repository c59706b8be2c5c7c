// What Tables does for captures: the program's capturing twin in force, and what its records mean.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/xdp/tables.h"

namespace weir::engine::xdp {

Status Tables::begin_capture(const CaptureFilter& filter, const model::Plan& plan, CaptureRing::Sink sink) {
    if (!in_force_) return fail("no plan is in force yet");
    if (capture_) return fail("another capture runs");
    auto ring = CaptureRing::open(*datapath_, filter, sink);
    if (!ring) return propagate(ring);
    capture_.emplace(Capture{filter, std::move(sink), std::move(*ring)});
    auto begun = choose_captured(plan, datapath_->state().active & 1);
    if (begun) begun = put_in_force_(*program());
    if (!begun) end_capture();
    return begun;
}

/// Before packets see that half.
Status Tables::choose_captured(const model::Plan& plan, uint32_t half) {
    if (!capture_ || !capture_->filter.service) return {};
    std::vector<uint32_t> numbers;
    for (size_t i = 0; i < plan.frontends.size(); i++)
        if (plan.frontends[i].service == *capture_->filter.service)
            numbers.push_back(static_cast<uint32_t>(i) + 1);
    return capture_->ring->choose(half, numbers);
}

/// The datapath has been loaded anew; the one in force goes on until that is.
void Tables::renew_capture() {
    if (!capture_) return;
    auto ring = CaptureRing::open(*datapath_, capture_->filter, capture_->sink);
    if (!ring) {
        spdlog::warn("nothing more is captured: {}", ring.error().message);
        capture_.reset();
        return;
    }
    if (in_force_) capture_->former = std::move(capture_->ring);
    capture_->ring = std::move(*ring);
}

/// No packet is in the former program any longer.
void Tables::leave_former_capture() {
    if (!capture_ || !capture_->former) return;
    capture_->former->read();
    capture_->lost += capture_->former->lost();
    capture_->former.reset();
}

bool Tables::read_captured() {
    if (!capture_) return false;
    if (capture_->former) capture_->former->read();
    capture_->ring->read();
    return true;
}

uint64_t Tables::end_capture() {
    if (!capture_) return 0;
    auto capture = std::move(*capture_);
    capture_.reset();
    // Also in the place of a program that could not be exchanged when the capture began.
    if (auto back = put_in_force_(*program()); !back)
        spdlog::error("the capturing program stays in force: {}", back.error().message);
    grace_.wait();
    capture.ring->read();
    return capture.lost + capture.ring->lost();
}

const Tables::Named* Tables::frontend_of(const weir_trace& trace, uint32_t half) const {
    const auto& frontends = frontends_[half];
    if (trace.frontend > 0 && trace.frontend <= frontends.size()) return &frontends[trace.frontend - 1];
    // NAT's answers and later fragments find their target without a frontend.
    if (trace.target == 0 || trace.target >= datapath_->sizes().target_slots) return nullptr;
    const auto& name = datapath_->names(half)[trace.target];
    if (name.family == WEIR_NONE) return nullptr;
    auto found = std::ranges::find(frontends, key_of(name).frontend, &Named::key);
    return found == frontends.end() ? nullptr : &*found;
}

Decision Tables::decide(uint32_t action, const weir_trace& trace, uint32_t half) const {
    auto verdict = explain(action, trace, half);
    Decision decision{static_cast<Action>(action), {}, verdict.backend, std::move(verdict.reason)};
    if (const auto* frontend = frontend_of(trace, half)) decision.service = frontend->service;
    return decision;
}

}  // namespace weir::engine::xdp
