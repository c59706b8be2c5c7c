#include "announce/bgp/session.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::announce::bgp {
namespace {

constexpr Side kSides[] = {Side::ours, Side::theirs};

Side other(Side side) {
    return side == Side::ours ? Side::theirs : Side::ours;
}

constexpr int kKeepalives = 3;  // within a hold time

/// Of what is wrong with a message: its type, if the state can have none of it anyway. That goes before.
std::optional<Type> misplaced(ErrorCode code, State state) {
    const bool is_up = state == State::established;
    if (code == ErrorCode::open && is_up) return Type::open;
    if (code == ErrorCode::update && !is_up) return Type::update;
    if (code == ErrorCode::route_refresh && !is_up) return Type::route_refresh;
    return std::nullopt;
}

/// Some only know of it when others do (RFC 4724 section 5).
bool may_restart(const Open& open) {
    const auto& restart = open.capabilities.graceful_restart;
    return restart && !restart->forwarding.empty();
}

}  // namespace

std::string_view to_text(State state) {
    switch (state) {
        case State::idle:
            return "idle";
        case State::connect:
            return "connect";
        case State::active:
            return "active";
        case State::open_sent:
            return "open_sent";
        case State::open_confirm:
            return "open_confirm";
        case State::established:
            return "established";
    }
    return "";
}

Actions Session::start(Time now) {
    if (!std::exchange(running_, true)) connect(now);
    return take();
}

Actions Session::stop(const Notification& why, Time) {
    bool was_up = established().has_value();
    for (auto side : kSides) drop(side, why);
    running_ = cut_ = false;
    start_at_ = retry_at_ = std::nullopt;
    if (was_up) act(Down{"weir has closed it"});
    return take();
}

Actions Session::cut(const std::string& why, Time now) {
    if (!running_) return {};
    const Notification down{ErrorCode::cease, cease::kBfdDown};
    for (auto side : kSides) {
        auto was = drop(side, down);
        if (was && was->state == State::established)
            act(Down{why});
        else if (was)
            act(Failed{why});
    }
    cut_ = true;
    start_at_ = now + kMostCut;
    retry_at_ = std::nullopt;
    return take();
}

Actions Session::mend(Time now) {
    if (cut_) connect(now);
    return take();
}

void Session::connect(Time now) {
    cut_ = false;
    start_at_ = retry_at_ = std::nullopt;
    if (options_.passive) return;
    retry_at_ = now + jittered(options_.connect_retry);
    link(Side::ours) = Link{};
    act(Connect{});
}

Session::Admission Session::admit(Time now) {
    if (!running_ || start_at_) return {.refused = Notification{ErrorCode::cease, cease::kRejected}};
    auto up = established();
    bool returns = up && may_restart(link(*up)->agreed.theirs);
    if (returns) {
        ended(*drop(*up), "it has connected anew, as one that has restarted", false, now);
        retry_at_ = std::nullopt;
    }
    if (link(Side::theirs) || (up && !returns))
        return {.refused = Notification{ErrorCode::cease, cease::kCollision}};
    return {.before = take()};
}

Actions Session::connected(Side side, Time now) {
    // One of our own that is still under way keeps its time limit.
    if (side == Side::ours || !link(Side::ours)) retry_at_ = std::nullopt;
    link(side) = Link{.state = State::open_sent, .hold = now + kOpenHold};
    act(Send{side, write(offer(options_.terms))});
    return take();
}

Actions Session::lost(Side side, const std::string& why, Time now) {
    if (!link(side)) return {};
    auto was = *std::exchange(link(side), std::nullopt);
    if (was.state > State::open_sent) {
        ended(was, why, false, now);
    } else {
        // Nobody is there yet, or not yet ready: no reason to try less often.
        act(Failed{why});
        if (!has_links() && !retry_at_ && !options_.passive)
            retry_at_ = now + jittered(options_.connect_retry);
    }
    return take();
}

Actions Session::received(Side side, const Message& message, Time now) {
    if (!link(side)) return {};
    if (auto* notification = std::get_if<Notification>(&message)) {
        told_to_end(side, *notification, now);
        return take();
    }
    switch (link(side)->state) {
        case State::open_sent:
            if (auto* open = std::get_if<Open>(&message))
                opened(side, *open, now);
            else
                unexpected(side, type_of(message), now);
            break;
        case State::open_confirm:
            if (std::holds_alternative<Keepalive>(message))
                confirmed(side, now);
            else
                unexpected(side, type_of(message), now);
            break;
        case State::established:
            established_heard(side, message, now);
            break;
        case State::idle:
        case State::connect:
        case State::active:
            break;  // nothing is connected
    }
    return take();
}

Actions Session::refused(Side side, const Refusal& refusal, Time now) {
    if (!link(side)) return {};
    if (auto type = misplaced(refusal.notification.code, link(side)->state))
        unexpected(side, *type, now);
    else
        fault(side, refusal, now);
    return take();
}

void Session::opened(Side side, const Open& open, Time now) {
    auto agreed = agree(options_.terms, open);
    if (!agreed) return fault(side, agreed.error(), now);
    if (!survives_collision(side, open)) return;
    auto& link = *this->link(side);
    link.state = State::open_confirm;
    link.agreed = *agreed;
    act(Send{side, keepalive()});
    link.hold = link.keepalive = std::nullopt;
    if (agreed->hold_time.count() > 0) {
        link.hold = now + agreed->hold_time;
        link.keepalive = now + until_keepalive(link.agreed);
    }
}

/// The peer's other connection has got as far or further: one of the two has to go.
bool Session::survives_collision(Side side, const Open& open) {
    auto& rival = link(other(side));
    if (!rival || rival->state < State::open_confirm) return true;
    bool stays =
        rival->state != State::established && (side == Side::ours) == ours_stays(options_.terms, open);
    drop(stays ? other(side) : side, Notification{ErrorCode::cease, cease::kCollision});
    return stays;
}

void Session::confirmed(Side side, Time now) {
    auto& link = *this->link(side);
    link.state = State::established;
    link.since = now;
    heard(link, now);
    drop(other(side), Notification{ErrorCode::cease, cease::kCollision});
    retry_at_ = std::nullopt;
    // Who has restarted says so once: what comes later is another session, and what this one announces is
    // forwarded until then.
    if (auto& restart = options_.terms.capabilities.graceful_restart) {
        restart->restarting = false;
        for (auto& [family, forwarding] : restart->forwarding) forwarding = true;
    }
    act(Up{side, link.agreed});
}

void Session::established_heard(Side side, const Message& message, Time now) {
    if (std::holds_alternative<Open>(message)) return unexpected(side, type_of(message), now);
    heard(*link(side), now);
    auto* refresh = std::get_if<Refresh>(&message);
    bool is_request = refresh && refresh->kind == static_cast<uint8_t>(Refresh::Kind::request);
    if (is_request && refresh->family && link(side)->agreed.families.contains(*refresh->family))
        act(Resend{*refresh->family});
}

void Session::told_to_end(Side side, const Notification& notification, Time now) {
    auto why = fmt::format("it closed the session: {}", describe(notification));
    if (auto what = advice(notification); !what.empty()) why += fmt::format("; {}", what);
    const bool collision = notification.code == ErrorCode::cease && notification.subcode == cease::kCollision;
    auto was = drop(side);
    if (collision && was->state != State::established && link(other(side))) return;
    ended(*was, std::move(why), notification.code != ErrorCode::cease, now);
}

/// RFC 6608.
void Session::unexpected(Side side, Type type, Time now) {
    constexpr std::string_view kNames[] = {"",          "OPEN",         "UPDATE", "NOTIFICATION",
                                           "KEEPALIVE", "ROUTE-REFRESH"};
    auto state = link(side)->state;
    auto number = static_cast<uint8_t>(type);
    auto subcode = static_cast<uint8_t>(static_cast<int>(state) - static_cast<int>(State::open_sent) + 1);
    fault(side,
          {{ErrorCode::state_machine, subcode, {number}},
           fmt::format("it sent a message of type {} in the state {}", kNames[number], to_text(state))},
          now);
}

void Session::fault(Side side, const Refusal& refusal, Time now) {
    auto was = drop(side, refusal.notification);
    ended(*was, fmt::format("{}: {}", describe(refusal.notification), refusal.why), true, now);
}

/// Gives what was there.
std::optional<Session::Link> Session::drop(Side side, const std::optional<Notification>& why) {
    auto was = std::exchange(link(side), std::nullopt);
    if (was && why && was->state != State::connect) act(Send{side, write(*why)});
    if (was) act(Close{side});
    return was;
}

/// The end of a connection that had got so far.
void Session::ended(const Link& was, std::string why, bool fault, Time now) {
    bool was_up = was.state == State::established;
    if (was_up && now - was.since >= kSteady) setbacks_ = 0;
    if (was_up)
        act(Down{std::move(why)});
    else
        act(Failed{std::move(why)});
    if (has_links()) return;
    auto resumes = now + rest();
    start_at_ = fault ? std::optional(resumes) : std::nullopt;
    retry_at_ = fault || options_.passive ? std::nullopt : std::optional(resumes);
}

void Session::heard(Link& link, Time now) {
    if (link.hold) link.hold = now + link.agreed.hold_time;
}

std::optional<Session::Time> Session::next() const {
    std::optional<Time> first;
    auto consider = [&](const std::optional<Time>& each) {
        if (each && (!first || *each < *first)) first = each;
    };
    consider(start_at_);
    consider(retry_at_);
    for (const auto& each : links_) {
        if (!each) continue;
        consider(each->hold);
        consider(each->keepalive);
    }
    return first;
}

Actions Session::tick(Time now) {
    if (start_at_ && *start_at_ <= now) connect(now);
    if (retry_at_ && *retry_at_ <= now) {
        if (drop(Side::ours)) act(Failed{"it does not answer"});
        connect(now);
    }
    for (auto side : kSides) tick(side, now);
    return take();
}

void Session::tick(Side side, Time now) {
    auto& link = this->link(side);
    if (link && link->hold && *link->hold <= now) {
        auto silent =
            link->state == State::open_sent ? std::chrono::seconds(kOpenHold) : link->agreed.hold_time;
        return fault(
            side, {{ErrorCode::hold_timer, 0}, fmt::format("it was silent for {} s", silent.count())}, now);
    }
    if (!link || !link->keepalive || *link->keepalive > now) return;
    act(Send{side, keepalive()});
    link->keepalive = now + until_keepalive(link->agreed);
}

State Session::state() const {
    if (!running_ || start_at_) return State::idle;
    auto furthest = State::idle;
    for (const auto& each : links_)
        if (each) furthest = std::max(furthest, each->state);
    return has_links() ? furthest : State::active;
}

Dialect Session::dialect(Side side) const {
    return link(side) ? link(side)->agreed.dialect : Dialect{};
}

std::optional<Side> Session::established() const {
    for (auto side : kSides)
        if (link(side) && link(side)->state == State::established) return side;
    return std::nullopt;
}

/// RFC 4271 section 4.4: not more often than once a second.
Session::Duration Session::until_keepalive(const Agreed& agreed) {
    return std::max<Duration>(jittered(Duration(agreed.hold_time) / kKeepalives), std::chrono::seconds(1));
}

/// Twice as long each time.
Session::Duration Session::rest() {
    constexpr unsigned kMostDoublings = 6;
    auto doubled = kLeastRest * (1 << std::min(setbacks_++, kMostDoublings));
    return jittered(std::min<Duration>(doubled, kMostRest));
}

/// RFC 4271 section 10: between three quarters of it and all.
Session::Duration Session::jittered(Duration duration) {
    return std::uniform_int_distribution<Duration::rep>(duration.count() * 3 / 4, duration.count())(random_) *
           Duration(1);
}

}  // namespace weir::announce::bgp
