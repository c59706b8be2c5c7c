// The engine's captures: the ring is read every few milliseconds, on the control thread.
#include <algorithm>

#include "engine/xdp/xdp.h"

namespace weir::engine::xdp {
namespace {

using namespace std::chrono;

constexpr auto kReadEvery = 10ms;

}  // namespace

Status Xdp::start_capture(const CaptureFilter& filter, Sink sink) {
    if (filter.service && std::ranges::find(plan_.frontends, *filter.service, &model::Frontend::service) ==
                              plan_.frontends.end())
        return fail("there is no service '{}'", *filter.service);
    // One difference for all of a capture: its times are in the order of its packets.
    auto boot = system_clock::now().time_since_epoch() - steady_clock::now().time_since_epoch();
    auto show = [this, boot, sink = std::move(sink)](const weir_captured& record) {
        auto link = neighbours_->link(static_cast<int>(record.interface));
        sink({std::span(record.bytes, record.snapped), record.length,
              sys_time<nanoseconds>(boot + nanoseconds(record.time)),
              link ? link->name : fmt::format("interface {}", record.interface),
              tables_->decide(record.verdict, record.trace, record.half)});
    };
    if (auto begun = tables_->begin_capture(filter, plan_, std::move(show)); !begun) return begun;
    read_captured_later();
    return {};
}

void Xdp::read_captured_later() {
    capture_timer_.expires_after(kReadEvery);
    capture_timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (!error && !alive.expired() && tables_->read_captured()) read_captured_later();
    });
}

uint64_t Xdp::stop_capture() {
    capture_timer_.cancel();
    return tables_->end_capture();
}

}  // namespace weir::engine::xdp
