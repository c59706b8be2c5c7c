// What tests of the state machine share: a session with a clock, and what it did.
#pragma once

#include <gmock/gmock.h>

#include "announce/bgp/golden.h"
#include "announce/bgp/session.h"

namespace weir::announce::bgp {

using namespace std::chrono_literals;
using net::Family;

inline constexpr uint32_t kOurs = 0x0a010a64, kTheirs = 0x0a010a01;

inline Terms terms() {
    return {.asn = 65000,
            .peer_asn = 65001,
            .router_id = kOurs,
            .hold_time = 9s,
            .capabilities = {.families = {Family::v4, Family::v6}, .route_refresh = true}};
}

inline Open their_open(uint32_t router_id = kTheirs) {
    return {.asn = 65001,
            .hold_time = 90,
            .router_id = router_id,
            .capabilities = {.families = {Family::v4}, .route_refresh = true, .asn = 65001}};
}

/// A session with a clock, and what it did last.
class BgpSession : public testing::Test {
  protected:
    explicit BgpSession(Session::Options options = {.terms = terms()}) : session_(std::move(options), 1) {}

    void take(Actions actions) {
        done_ = std::move(actions);
        for (auto& action : done_) all_.push_back(action);
    }
    void start() { take(session_.start(now_)); }
    void connected(Side side) { take(session_.connected(side, now_)); }
    void hear(Side side, const Message& message) { take(session_.received(side, message, now_)); }
    void lose(Side side) { take(session_.lost(side, "connection reset by peer", now_)); }
    /// Moves the clock to the next timer.
    Session::Duration wait() {
        auto next = session_.next();
        EXPECT_TRUE(next);
        if (!next) return {};
        auto waited = std::exchange(now_, *next);
        take(session_.tick(now_));
        return now_ - waited;
    }
    void pass(Session::Duration time) {
        now_ += time;
        take(session_.tick(now_));
    }
    void open(Side side = Side::ours) {
        connected(side);
        hear(side, their_open());
    }
    void establish(Side side = Side::ours) {
        open(side);
        hear(side, Keepalive{});
    }
    template <class T>
    const T* did() const {
        for (const auto& action : done_)
            if (auto* found = std::get_if<T>(&action)) return found;
        return nullptr;
    }
    std::optional<Notification> told(Side side) const {
        for (const auto& action : done_) {
            auto* send = std::get_if<Send>(&action);
            if (!send || send->side != side) continue;
            auto message = read_message(send->message, {});
            if (auto* notification = message ? std::get_if<Notification>(&*message) : nullptr)
                return *notification;
        }
        return std::nullopt;
    }
    bool closed(Side side) const {
        return std::ranges::any_of(done_, [&](const Action& action) {
            auto* close = std::get_if<Close>(&action);
            return close && close->side == side;
        });
    }
    bool sent_keepalive() const {
        return std::ranges::any_of(done_, [](const Action& action) {
            auto* send = std::get_if<Send>(&action);
            return send && send->message == keepalive();
        });
    }
    State state() const { return session_.state(); }

    Session::Time now_{1000s};
    Session session_;
    Actions done_, all_;
};

class BgpPassive : public BgpSession {
  protected:
    BgpPassive() : BgpSession({.terms = terms(), .passive = true}) {}
};

class BgpRestarting : public BgpSession {
  protected:
    static Session::Options options() {
        auto all = terms();
        all.capabilities.graceful_restart = GracefulRestart{true, 120, {{Family::v4, true}}};
        return {.terms = all};
    }
    BgpRestarting() : BgpSession(options()) {}
};

}  // namespace weir::announce::bgp
