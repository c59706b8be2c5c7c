// Any events in any order through the state machine of a BGP peer (announce/bgp/session.h): messages that are
// read from the input, connections that come and go, time that passes. What it says is held against what a
// connection can do: nothing is sent on one that is closed, one session is up at most, each comes up once
// before it goes down.
#include <array>
#include <cstdlib>
#include <memory>

#include "announce/bgp/session.h"
#include "net/reader.h"

namespace {

using namespace weir::announce::bgp;
using namespace std::chrono_literals;
using weir::net::Family;

void require(bool holds) {
    if (!holds) std::abort();
}

enum class Wire : uint8_t { none, connecting, open };

/// The world around a session.
class World {
  public:
    explicit World(uint8_t choice) {
        Session::Options options;
        options.terms = {.asn = 65000,
                         .peer_asn = choice & 1 ? 65000u : 65001u,
                         .router_id = 0x0a000001,
                         .hold_time = choice & 2 ? 0s : 9s,
                         .capabilities = {.families = {Family::v4, Family::v6}, .v4_over_v6 = true}};
        if (choice & 4) options.terms.capabilities.graceful_restart = GracefulRestart{};
        options.passive = choice & 8;
        session_ = std::make_unique<Session>(options, choice);
    }

    void step(weir::net::Reader& input) {
        const auto what = input.u8();
        const auto side = what & 0x80 ? Side::theirs : Side::ours;
        switch (what & 7) {
            case 0:
                return act(session_->start(now_));
            case 1:
                return act(session_->stop({}, now_));
            case 2:
                return pass(input.u8());
            case 3:
                return connect(side);
            case 4:
                return lose(side);
            case 5:
                return hear(side, input, Type::open);
            case 6:
                return hear(side, input, Type::keepalive);
            default:
                return hear(side, input, static_cast<Type>(input.u8() % 7));
        }
    }

  private:
    Wire& wire(Side side) { return wires_[static_cast<size_t>(side)]; }

    void pass(uint8_t seconds) {
        now_ += seconds * 1s;
        act(session_->tick(now_));
        auto next = session_->next();
        require(!next || *next > now_);
    }
    void connect(Side side) {
        if (side == Side::ours) {
            if (wire(side) != Wire::connecting) return;
        } else {
            auto admission = session_->admit(now_);
            act(admission.before);
            if (admission.refused) return;
            require(wire(side) == Wire::none);
        }
        wire(side) = Wire::open;
        act(session_->connected(side, now_));
    }
    void lose(Side side) {
        if (wire(side) == Wire::none) return;
        wire(side) = Wire::none;
        act(session_->lost(side, "gone", now_));
    }
    void hear(Side side, weir::net::Reader& input, Type type) {
        if (wire(side) != Wire::open) return;
        auto body = input.take(std::min<size_t>(input.left(), type == Type::keepalive ? 0 : input.u8()));
        auto bytes = type == Type::open && body.empty()
                         ? write(Open{.asn = 65001, .hold_time = 9, .router_id = 0x0a000002})
                         : framed(type, body);
        auto message = read_message(bytes, session_->dialect(side));
        act(message ? session_->received(side, *message, now_)
                    : session_->refused(side, message.error(), now_));
    }

    void act(const Actions& actions) {
        for (const auto& action : actions) std::visit([this](const auto& each) { act(each); }, action);
        require((session_->state() == State::established) == up_.has_value());
    }
    void act(const Connect&) {
        require(wire(Side::ours) == Wire::none);
        wire(Side::ours) = Wire::connecting;
    }
    void act(const Send& send) {
        require(wire(send.side) == Wire::open);
        require(send.message.size() >= kHeaderSize && send.message.size() <= kMostMessage);
    }
    void act(const Close& close) {
        require(wire(close.side) != Wire::none);
        wire(close.side) = Wire::none;
    }
    void act(const Up& up) {
        require(!up_ && wire(up.side) == Wire::open && !up.agreed.families.empty());
        up_ = up.side;
    }
    void act(const Down& down) {
        require(up_ && wire(*up_) == Wire::none && !down.why.empty());
        up_.reset();
    }
    void act(const Failed& failed) { require(!failed.why.empty()); }
    void act(const Resend&) { require(up_.has_value()); }

    std::unique_ptr<Session> session_;
    Session::Time now_{1000s};
    std::array<Wire, 2> wires_{};
    std::optional<Side> up_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    weir::net::Reader input({data, size});
    World world(input.u8());
    while (input.left() > 0) world.step(input);
    return 0;
}
