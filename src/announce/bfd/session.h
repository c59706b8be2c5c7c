// The state machine of one BFD session: RFC 5880 section 6, in asynchronous mode, active, without echo and
// without authentication. Pure: what happens comes in with its time, what is to be done comes out.
//
// A session may be parked: the peer is asked, by a Poll Sequence, to be so patient that another daemon can
// take the session over from this one; that one resumes it where it was (RFC 5880 has no word of such a
// thing, and needs none: the peer sees one session whose intervals change).
#pragma once

#include <optional>
#include <random>

#include "announce/bfd/packet.h"

namespace weir::announce::bfd {

/// What is wished for, each way.
struct Timers {
    Interval interval{0};
    uint8_t multiplier = 3;

    bool operator==(const Timers&) const = default;
};

/// What another daemon has to know to go on with a session that is up.
struct Parked {
    uint32_t mine = 0;
    uint32_t yours = 0;
    Interval desired_min_tx{0};  // as the peer was told last
    Interval required_min_rx{0};
    Interval remote_desired_min_tx{0};
    Interval remote_required_min_rx{0};
    uint8_t remote_multiplier = 0;

    bool operator==(const Parked&) const = default;
};

/// What is to be done.
struct Step {
    std::optional<Packet> send{};   // at once
    std::optional<State> former{};  // the state has changed, from this one
};

class Session {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    /// RFC 5880 section 6.8.3: at least so slowly is spoken while the session is not up.
    static constexpr std::chrono::seconds kSlow{1};

    /// `discriminator` is not 0, and no other session's of this system.
    Session(Timers timers, uint32_t discriminator, uint32_t seed, Time now);
    Session(Timers timers, const Parked& parked, uint32_t seed, Time now);

    /// Of a packet from the session's peer, that is in order by itself: whether it is of this session.
    bool owns(const Packet& packet) const { return packet.yours == 0 || packet.yours == mine_; }
    /// Of one that it owns.
    Step received(const Packet& packet, Time now);

    void change(Timers timers);
    /// The peer is to be patient: it notices only after so long that nothing comes.
    void park(Duration patience);
    /// Whether the peer has agreed.
    std::optional<Parked> parked() const;
    /// Ends for good; the packet tells the peer so.
    Packet disable();

    /// To be called at this time, or later.
    std::optional<Time> next() const;
    Step tick(Time now);

    uint32_t discriminator() const { return mine_; }
    State state() const { return state_; }
    Diagnostic diagnostic() const { return diagnostic_; }
    State remote_state() const { return remote_.state; }
    Diagnostic remote_diagnostic() const { return remote_.diagnostic; }
    /// As negotiated; 0 where there is none (yet).
    Interval transmit_interval() const;
    Interval receive_interval() const;
    Interval detection_time() const { return receive_interval() * remote_.multiplier; }

  private:
    static constexpr Packet kUnheard{.required_min_rx = Interval(1)};  // section 6.8.1

    Packet packet(bool final) const;
    void follow(State theirs);
    void enter(State state, Diagnostic why);
    Interval wished() const;
    bool set_desired(Interval desired_min_tx);
    void poll();
    void end_poll();
    Step since(State before, Time now);
    Packet say(Time now);
    void adapt();
    void schedule();
    bool is_silent() const;
    std::optional<Time> expires() const;

    Timers timers_;
    uint32_t mine_;
    std::minstd_rand random_;
    State state_ = State::down;
    Diagnostic diagnostic_ = Diagnostic::none;
    Packet remote_ = kUnheard;  // the last that was heard

    // What the peer is told, and what is kept to until it has agreed (section 6.8.3).
    Interval desired_min_tx_{kSlow}, used_min_tx_{kSlow};
    Interval required_min_rx_, used_min_rx_;
    bool polling_ = false;
    bool polls_again_ = false;  // something has changed since
    bool parking_ = false;

    Time last_sent_;
    Interval scheduled_{0};  // the interval that next_send_ is of
    std::optional<Time> next_send_;
    std::optional<Time> heard_;  // of the peer, and not so long ago that it is gone
};

}  // namespace weir::announce::bfd
