// One BGP peer: its state machine with real sockets and a real clock, and what it is told. On the executor's
// one thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>

#include "announce/bgp/connection.h"
#include "announce/bgp/export.h"
#include "announce/bgp/session.h"
#include "announce/bgp_report.h"

namespace weir::announce::bgp {

/// What all peers share.
struct Speaking {
    uint32_t asn = 0;
    uint32_t router_id = 0;  // in host order
    std::chrono::seconds restart_time{0};
    bool restarting = false;  // the datapath has gone on without a daemon, or with another one

    bool operator==(const Speaking&) const = default;
};

/// Shared by its owner and by what is under way for it.
class Peer : public std::enable_shared_from_this<Peer> {
  public:
    /// Whether the session is up now, and why not.
    using OnChange = std::function<void(const Peer& peer, bool up, const std::string& why)>;

    Peer(const boost::asio::any_io_executor& executor, const model::BgpPeer& settings,
         const Speaking& speaking, OnChange on_change);

    void start();
    /// The peer has connected.
    void admit(UniqueFd socket);

    /// What BFD says of the path to the peer, when that changes.
    void path_lost(const std::string& why);
    void path_found();

    /// Other settings, which the session can go on with (same_session()).
    void change(const model::BgpPeer& settings);
    /// The VIPs that are here, all of them. Before the first time nothing is said, and nothing is said to be
    /// complete.
    void announce(const Vips& vips, bool leaving);

    /// Tells the peer why, and ends for good.
    void stop(const Notification& why);
    /// Ends for good without a word: a peer that knows of graceful restart keeps the routes.
    void vanish();
    /// Whether the last words are out, after stop() or vanish().
    bool is_gone() const;

    const model::BgpPeer& settings() const { return settings_; }
    bool is_up() const { return agreed_.has_value(); }
    const Routes& routes() const { return rib_.routes(); }
    BgpPeerRow row() const;

  private:
    using Line = std::shared_ptr<Connection>;

    Line& line(Side side) { return lines_[static_cast<size_t>(side)]; }
    boost::asio::awaitable<void> connect(std::shared_ptr<Peer> self, Line line);
    boost::asio::awaitable<void> read(std::shared_ptr<Peer> self, Side side, Line line);
    void take(Side side, const Bytes& bytes);
    void count(const Message& message);

    void act(const Actions& actions);
    void act(const Connect&);
    void act(const Send& send);
    void act(const Close& close);
    void act(const Up& up);
    void act(const Down& down);
    void act(const Failed& failed);
    void act(const Resend& resend);
    void send(Side side, Bytes message);
    void give_up(Side side);
    void arm();
    void wake_at(Session::Time time);
    void tick();
    void tell(bool complete);
    bool is_external() const { return settings_.asn != speaking_.asn; }

    boost::asio::any_io_executor executor_;
    model::BgpPeer settings_;
    Speaking speaking_;
    OnChange on_change_;
    Session session_;
    boost::asio::steady_timer timer_;
    std::array<Line, 2> lines_;
    std::vector<std::weak_ptr<Connection>> ending_;

    // Of the established session.
    std::optional<Agreed> agreed_;
    Side side_ = Side::ours;
    net::Ip local_;
    AdjRibOut rib_;
    std::map<net::Prefix, std::string> withheld_;

    std::optional<Vips> vips_;
    bool leaving_ = false;
    bool caught_up_ = false;
    State state_ = State::idle;
    BgpPeerRow row_;  // its counters and its times
};

/// Whether a session of the one is as good for the other: only what is announced differs.
bool same_session(const model::BgpPeer& a, const model::BgpPeer& b);

}  // namespace weir::announce::bgp
