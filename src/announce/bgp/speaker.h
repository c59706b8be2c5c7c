// The BGP-4 speaker: tells routers which VIPs are here, and only while they are (route health injection). It
// imports nothing. Sessions of the configuration's peers, and where it says so, a listener for those who
// connect. See doc/bgp.md. On the executor's one thread, which outlives this object.
#pragma once

#include "announce/announcer.h"
#include "announce/bfd/detector.h"
#include "announce/bgp/peer.h"
#include "model/event_kind.h"

namespace weir::announce::bgp {

class Speaker final : public Announcer, public BgpReporting {
  public:
    /// `peer`: whom it is about, if it is one.
    using OnNews =
        std::function<void(model::EventKind kind, std::string message, std::optional<net::Ip> peer)>;

    Speaker(boost::asio::any_io_executor executor, OnNews on_news);
    /// Vanishes, if it has not ended before.
    ~Speaker() override;

    /// The datapath is at work already: peers that know of graceful restart are asked to keep the routes.
    /// Before the first set().
    void assume_restart() { restarting_ = true; }

    /// BFD sessions that another daemon has parked go on. Before the first set().
    void resume(bfd::ParkedSessions parked) { detector_.resume(std::move(parked)); }

    /// Has the configuration's peers from now on. Sessions that need not change go on. Fails where it cannot
    /// listen, or has no router id; what can be done is done.
    Status set(const model::Config& config);
    void announce(const model::Plan& plan, const std::vector<std::string>& attached) override;

    /// For good: withdraws the VIPs, waits, closes. It takes as long as the executor runs, until is_gone().
    void leave();
    bool is_gone() const;
    /// For good: another daemon takes over, and peers are asked to wait for it where their BFD would not.
    /// Vanishes once parked() has what that daemon needs.
    void give_way();
    const std::optional<bfd::ParkedSessions>& parked() const { return parked_; }
    /// For good, without a word. BFD says that this is no failure.
    void vanish();

    BgpReport report() const override;

  private:
    struct Listener;

    Status set_peers(const model::Config& config);
    Status listen();
    boost::asio::awaitable<void> accept(std::shared_ptr<Listener> listener);
    void admit(UniqueFd socket, const net::Ip& from);
    Status guard();
    Status guard(Listener& listener, net::Family family);
    boost::asio::awaitable<void> see_out();
    bool has_told() const;
    void close();
    void on_path(const bfd::Change& change);
    void tell_peers();
    void tell_of_vips(const Vips& before);

    boost::asio::any_io_executor executor_;
    OnNews on_news_;
    model::Bgp bgp_;
    Services services_;
    Speaking speaking_;
    bool restarting_ = false;  // until the first peers know
    std::map<net::Ip, std::shared_ptr<Peer>> peers_;
    std::vector<std::shared_ptr<Peer>> former_;  // that have their last words to say
    std::map<net::Endpoint, std::shared_ptr<Listener>> listeners_;
    uint64_t strangers_total_ = 0;
    std::optional<bfd::ParkedSessions> parked_;
    std::optional<Vips> vips_;
    enum class Stage : uint8_t { here, leaving, closed } stage_ = Stage::here;
    std::shared_ptr<char> alive_ = std::make_shared<char>();
    bfd::Detector detector_;
};

}  // namespace weir::announce::bgp
