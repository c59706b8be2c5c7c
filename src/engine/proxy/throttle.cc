#include "engine/proxy/throttle.h"

#include <algorithm>

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 1ms;         // at least: a rate has something again after each byte's time
constexpr size_t kAtOnce = 4 << 20;  // bytes, until others than those in line have their turn

}  // namespace

size_t Throttle::take(Relay& relay, Rate& rate, size_t wanted) {
    if (line_.empty())
        if (const size_t got = rate.take(std::min(wanted, kSlice), loop_.now()); got > 0) return got;
    line_up(relay);
    return 0;
}

void Throttle::line_up(Relay& relay) {
    if (std::ranges::find(line_, &relay) == line_.end()) line_.push_back(&relay);
    if (!alarm_.is_set()) set_alarm();
}

void Throttle::leave(Relay& relay) {
    std::erase(line_, &relay);
    if (line_.empty()) alarm_.clear();
}

void Throttle::serve() {
    for (size_t served = 0; !line_.empty() && served < kAtOnce;) {
        auto& relay = *line_.front();
        const size_t got = calls_.rate(relay).take(kSlice, loop_.now());
        if (got == 0) break;
        served += got;
        line_.pop_front();
        calls_.granted(relay, got);
    }
    if (!line_.empty()) set_alarm();
}

void Throttle::set_alarm() {
    alarm_.set(std::max(calls_.rate(*line_.front()).more_at(loop_.now()), loop_.now() + kPause));
}

}  // namespace weir::engine::proxy
