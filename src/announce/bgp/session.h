// The state machine of one peer: RFC 4271 section 8. Pure: what happens comes in with its time, what is to be
// done comes out, and who owns the sockets (peer.h) does it in that order.
//
// A peer may have two connections at a time, one that weir opened and one that the peer did, until an OPEN
// tells which stays (section 6.8). Each has a state of its own; the peer's is the furthest of them.
//
// Where it departs from the RFC: there is no DelayOpen. A session that ends without anybody's mistake (the
// connection breaks, the peer says Cease) goes to Active and not to Idle, so that a peer that comes back is
// let in at once. After a mistake it stays in Idle, where nobody is let in, and longer each time, up to a
// minute (DampPeerOscillations, IdleHoldTimer). A connection from a peer that has announced graceful restart
// takes the place of an established session (RFC 4724 section 4.2).
#pragma once

#include <array>
#include <random>
#include <variant>

#include "announce/bgp/agree.h"
#include "announce/bgp/message.h"

namespace weir::announce::bgp {

enum class State : uint8_t { idle, connect, active, open_sent, open_confirm, established };
std::string_view to_text(State state);

/// Of a connection: who has opened it.
enum class Side : uint8_t { ours, theirs };

// What is to be done.
struct Connect {};
struct Send {
    Side side;
    Bytes message;
};
/// Once all that was to be sent is sent.
struct Close {
    Side side;
};
struct Up {
    Side side;
    Agreed agreed;
};
/// The session has ended; what is announced must be announced again.
struct Down {
    std::string why;
};
/// No session came of it.
struct Failed {
    std::string why;
};
/// The peer wants to hear all of this family again.
struct Resend {
    net::Family family;
};
using Action = std::variant<Connect, Send, Close, Up, Down, Failed, Resend>;
using Actions = std::vector<Action>;

class Session {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    struct Options {
        Terms terms;
        std::chrono::seconds connect_retry{5};
        bool passive = false;
    };

    /// RFC 4271 section 8.2.2: until the peer's OPEN has come.
    static constexpr std::chrono::minutes kOpenHold{4};
    static constexpr std::chrono::seconds kLeastRest{1}, kMostRest{60};
    /// A session of this age has shown that all is well.
    static constexpr std::chrono::seconds kSteady{60};
    static constexpr std::chrono::seconds kMostCut{60};

    Session(Options options, uint32_t seed) : options_(std::move(options)), random_(seed) {}

    Actions start(Time now);
    /// The path to the peer is gone (BFD): the peer is told so, should it hear it, and left alone until
    /// mend(), but for a minute at most: it may speak no BFD any more.
    Actions cut(const std::string& why, Time now);
    Actions mend(Time now);
    /// Tells the peer so, and stays in Idle.
    Actions stop(const Notification& why, Time now);

    /// The peer has connected. Either why it is not let in, or what is to be done before connected().
    struct Admission {
        std::optional<Notification> refused{};
        Actions before{};
    };
    Admission admit(Time now);

    Actions connected(Side side, Time now);
    /// The connection has ended, or could not be made.
    Actions lost(Side side, const std::string& why, Time now);
    Actions received(Side side, const Message& message, Time now);
    /// What was received is no message that this session can have.
    Actions refused(Side side, const Refusal& refusal, Time now);

    /// To be called at this time, or later.
    std::optional<Time> next() const;
    Actions tick(Time now);

    State state() const;
    /// How the peer's messages on this connection are to be read.
    Dialect dialect(Side side) const;

  private:
    struct Link {
        State state = State::connect;
        Agreed agreed{};
        std::optional<Time> hold{};
        std::optional<Time> keepalive{};
        Time since{};  // of being established
    };

    std::optional<Link>& link(Side side) { return links_[static_cast<size_t>(side)]; }
    const std::optional<Link>& link(Side side) const { return links_[static_cast<size_t>(side)]; }
    bool has_links() const { return links_[0] || links_[1]; }
    std::optional<Side> established() const;

    void connect(Time now);
    void opened(Side side, const Open& open, Time now);
    bool survives_collision(Side side, const Open& open);
    void confirmed(Side side, Time now);
    void established_heard(Side side, const Message& message, Time now);
    void told_to_end(Side side, const Notification& notification, Time now);
    void unexpected(Side side, Type type, Time now);
    void fault(Side side, const Refusal& refusal, Time now);
    std::optional<Link> drop(Side side, const std::optional<Notification>& why = std::nullopt);
    void ended(const Link& was, std::string why, bool fault, Time now);
    void heard(Link& link, Time now);
    void tick(Side side, Time now);
    Duration until_keepalive(const Agreed& agreed);
    Duration rest();
    Duration jittered(Duration duration);
    void act(Action action) { actions_.push_back(std::move(action)); }
    Actions take() { return std::exchange(actions_, {}); }

    Options options_;
    std::minstd_rand random_;
    std::array<std::optional<Link>, 2> links_;
    bool running_ = false;
    bool cut_ = false;
    std::optional<Time> start_at_;  // IdleHoldTimer
    std::optional<Time> retry_at_;  // ConnectRetryTimer
    unsigned setbacks_ = 0;
    Actions actions_;
};

}  // namespace weir::announce::bgp
