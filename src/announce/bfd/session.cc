#include "announce/bfd/session.h"

#include <algorithm>
#include <utility>

namespace weir::announce::bfd {

Session::Session(Timers timers, uint32_t discriminator, uint32_t seed, Time now)
    : timers_(timers),
      mine_(discriminator),
      random_(seed),
      desired_min_tx_(std::max<Interval>(kSlow, timers.interval)),
      used_min_tx_(desired_min_tx_),
      required_min_rx_(timers.interval),
      used_min_rx_(timers.interval),
      last_sent_(now),
      next_send_(now) {}

Session::Session(Timers timers, const Parked& parked, uint32_t seed, Time now)
    : Session(timers, parked.mine, seed, now) {
    state_ = State::up;
    remote_ = {.state = State::up,
               .multiplier = parked.remote_multiplier,
               .mine = parked.yours,
               .desired_min_tx = parked.remote_desired_min_tx,
               .required_min_rx = parked.remote_required_min_rx};
    desired_min_tx_ = used_min_tx_ = parked.desired_min_tx;
    used_min_rx_ = std::max(parked.required_min_rx, required_min_rx_);
    heard_ = now;
    set_desired(timers_.interval);
    poll();
}

Step Session::received(const Packet& packet, Time now) {
    if (state_ == State::admin_down) return {};
    const auto before = state_;
    remote_ = packet;
    if (packet.final) end_poll();
    follow(packet.state);
    heard_ = now;
    auto step = since(before, now);
    // Not bound to the timers; it tells of a new state as well.
    if (packet.poll) step.send = this->packet(true);
    adapt();
    return step;
}

/// Section 6.8.6, its last part.
void Session::follow(State theirs) {
    switch (state_) {
        case State::down:
            if (theirs == State::down) enter(State::init, Diagnostic::none);
            if (theirs == State::init) enter(State::up, Diagnostic::none);
            break;
        case State::init:
            if (theirs >= State::init) enter(State::up, Diagnostic::none);
            if (theirs == State::admin_down) enter(State::down, Diagnostic::neighbor_down);
            break;
        case State::up:
            if (theirs <= State::down) enter(State::down, Diagnostic::neighbor_down);
            break;
        case State::admin_down:
            break;
    }
}

void Session::enter(State state, Diagnostic why) {
    const auto before = std::exchange(state_, state);
    diagnostic_ = why;
    if (before == State::up) parking_ = false;
    if (set_desired(wished())) poll();
}

Interval Session::wished() const {
    return state_ == State::up ? timers_.interval : std::max<Interval>(kSlow, timers_.interval);
}

/// One that is longer than the former is kept to only when the peer knows of it. Whether it is another one.
bool Session::set_desired(Interval desired_min_tx) {
    if (state_ != State::up || desired_min_tx < used_min_tx_) used_min_tx_ = desired_min_tx;
    return std::exchange(desired_min_tx_, desired_min_tx) != desired_min_tx;
}

/// Section 6.5. Nobody can answer who has not been heard of.
void Session::poll() {
    if (remote_.mine == 0) return;
    if (std::exchange(polling_, true)) polls_again_ = true;
}

void Session::end_poll() {
    if (!polling_) return;
    // What this one was about may not be what is asked for by now.
    if (std::exchange(polls_again_, false)) return;
    polling_ = false;
    used_min_tx_ = desired_min_tx_;
    used_min_rx_ = required_min_rx_;
}

void Session::change(Timers timers) {
    if (timers == timers_) return;
    timers_ = timers;
    required_min_rx_ = timers.interval;
    // As above, the other way round.
    if (state_ != State::up || required_min_rx_ > used_min_rx_) used_min_rx_ = required_min_rx_;
    set_desired(wished());
    poll();
    adapt();
}

void Session::park(Duration patience) {
    if (state_ != State::up) return;
    parking_ = true;
    const auto interval = std::chrono::ceil<Interval>(patience) / timers_.multiplier;
    if (set_desired(std::max<Interval>(interval, timers_.interval))) poll();
    adapt();
}

std::optional<Parked> Session::parked() const {
    if (!parking_ || polling_) return std::nullopt;
    return Parked{.mine = mine_,
                  .yours = remote_.mine,
                  .desired_min_tx = desired_min_tx_,
                  .required_min_rx = required_min_rx_,
                  .remote_desired_min_tx = remote_.desired_min_tx,
                  .remote_required_min_rx = remote_.required_min_rx,
                  .remote_multiplier = remote_.multiplier};
}

Packet Session::disable() {
    enter(State::admin_down, Diagnostic::administratively_down);
    polling_ = polls_again_ = false;
    next_send_ = heard_ = std::nullopt;
    return packet(false);
}

std::optional<Session::Time> Session::next() const {
    const auto end = expires();
    if (!next_send_ || !end) return next_send_ ? next_send_ : end;
    return std::min(*next_send_, *end);
}

std::optional<Session::Time> Session::expires() const {
    if (!heard_) return std::nullopt;
    return *heard_ + detection_time();
}

Step Session::tick(Time now) {
    const auto before = state_;
    if (heard_ && *expires() <= now) {
        heard_ = std::nullopt;
        remote_ = kUnheard;  // what it said last is not known to hold any more
        polling_ = polls_again_ = false;
        if (state_ != State::down) enter(State::down, Diagnostic::detection_time_expired);
    }
    auto step = since(before, now);
    if (!step.send && next_send_ && *next_send_ <= now) step.send = say(now);
    return step;
}

/// A new state is told at once (section 6.8.7).
Step Session::since(State before, Time now) {
    if (state_ == before) return {};
    return {.send = say(now), .former = before};
}

Packet Session::say(Time now) {
    last_sent_ = now;
    schedule();
    return packet(false);
}

Packet Session::packet(bool final) const {
    return {.diagnostic = diagnostic_,
            .state = state_,
            .poll = polling_ && !final,
            .final = final,
            .multiplier = timers_.multiplier,
            .mine = mine_,
            .yours = remote_.mine,
            .desired_min_tx = desired_min_tx_,
            .required_min_rx = required_min_rx_};
}

Interval Session::transmit_interval() const {
    if (remote_.required_min_rx == Interval(0)) return Interval(0);
    return std::max(used_min_tx_, remote_.required_min_rx);
}

Interval Session::receive_interval() const {
    if (remote_.mine == 0) return Interval(0);
    return std::max(used_min_rx_, remote_.desired_min_tx);
}

/// Section 6.8.7: the peer wants to hear nothing, or only what it asks for.
bool Session::is_silent() const {
    const bool on_demand = remote_.demand && state_ == State::up && remote_.state == State::up && !polling_;
    return on_demand || transmit_interval() == Interval(0);
}

/// Where the interval has become another one, the next packet is of that (section 6.8.3).
void Session::adapt() {
    if (transmit_interval() != scheduled_ || is_silent() == next_send_.has_value()) schedule();
}

/// Up to a quarter earlier, so that many sessions do not fall into step; with a multiplier of 1 not so late
/// that the next one might miss the detection time.
void Session::schedule() {
    scheduled_ = transmit_interval();
    if (is_silent()) {
        next_send_ = std::nullopt;
        return;
    }
    const auto latest = timers_.multiplier == 1 ? scheduled_ * 9 / 10 : scheduled_;
    std::uniform_int_distribution<Interval::rep> jitter(scheduled_.count() * 3 / 4, latest.count());
    next_send_ = last_sent_ + Interval(jitter(random_));
}

}  // namespace weir::announce::bfd
