// How a relay carries, once it has both ends.
#include <sys/socket.h>

#include <algorithm>

#include "engine/proxy/relay.h"

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;

constexpr size_t kTurn = 1 << 20;  // bytes in one direction, until others have their turn
constexpr auto kPause = 1ms;       // at least, where its own rate has nothing left

}  // namespace

void Relay::carry() {
    for (auto direction : {Direction::to_backend, Direction::to_client})
        if (phase_ == Phase::carrying) carry(direction, 0);
}

void Relay::grant(Direction direction, size_t bytes) {
    if (phase_ == Phase::carrying) return carry(direction, bytes);
    rate(direction).give_back(bytes);
}

/// What a rate has `granted` is for this alone: the others in line have their turn then.
void Relay::carry(Direction direction, size_t granted) {
    const bool to_backend = direction == Direction::to_backend;
    auto& from = (to_backend ? client_ : backend_).line;
    auto& to = (to_backend ? backend_ : client_).line;
    const bool limited = is_limited(direction);
    size_t allowed = limited ? at_own_pace(direction, granted) : kTurn;
    const bool is_paced = granted > 0 && allowed == 0;
    for (size_t left = kTurn;;) {
        const auto progress = pump(direction).run(from, to, site_.bench, allowed);
        if (limited) give_back(direction, allowed - progress.read);
        if (progress.read > 0) ledger_.carried(direction, progress.read, progress.chunks);
        if (progress.read > 0 || progress.written > 0) active_ = site_.around.loop.now();
        if (progress.state != Pump::State::stopped) return settle(direction, progress.state);
        if (is_paced) return;
        if (granted > 0) return site_.host.throttle(direction).line_up(*this);
        left -= progress.read;
        if (left == 0) return site_.around.loop.turn(*this);
        allowed = allowance(direction, left);
        if (allowed == 0) return;
    }
}

void Relay::settle(Direction direction, Pump::State state) {
    if (state == Pump::State::broken) return end(true);
    if (state != Pump::State::ended) return;
    if (std::ranges::all_of(pumps_, &Pump::has_ended)) return end(false);
    bool& is_shut = is_shut_[static_cast<size_t>(direction)];
    auto& to = (direction == Direction::to_backend ? backend_ : client_).line;
    if (!is_shut) ::shutdown(to.fd.get(), SHUT_WR);
    is_shut = true;
}

Rate& Relay::rate(Direction direction) const {
    return direction == Direction::to_backend ? terms_->budget->to_backends : terms_->budget->to_clients;
}

bool Relay::is_limited(Direction direction) const {
    return paces_ || rate(direction).is_limited();
}

/// Bytes that it may carry now. If none, it is seen to that it is called when there are some.
size_t Relay::allowance(Direction direction, size_t wanted) {
    auto& shared = rate(direction);
    if (shared.is_limited()) wanted = site_.host.throttle(direction).take(*this, shared, wanted);
    return at_own_pace(direction, wanted);
}

/// How many of those that the service's rate has granted its own grants too.
size_t Relay::at_own_pace(Direction direction, size_t granted) {
    if (!paces_ || granted == 0) return granted;
    auto& own = (*paces_)[static_cast<size_t>(direction)];
    const auto now = site_.around.loop.now();
    const size_t got = own.take(granted, now);
    if (rate(direction).is_limited()) rate(direction).give_back(granted - got);
    if (got > 0) return got;
    paced_ = std::min(paced_, std::max(own.more_at(now), now + kPause));
    set_alarm();
    return 0;
}

void Relay::give_back(Direction direction, size_t bytes) {
    if (bytes == 0) return;
    if (rate(direction).is_limited()) rate(direction).give_back(bytes);
    if (paces_) (*paces_)[static_cast<size_t>(direction)].give_back(bytes);
}

}  // namespace weir::engine::proxy
