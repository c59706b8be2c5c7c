#include "announce/bgp/speaker.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <tuple>

#include "announce/bgp/socket.h"
#include "base/log.h"

namespace weir::announce::bgp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAnswer = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptAgain = std::chrono::seconds(1);  // where there are no descriptors, for one

/// Of the first interface that is up, by the kernel's order; those of `first` go before.
std::optional<net::Ip> own_ipv4(const std::vector<model::Interface>& first) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return std::nullopt;
    std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(list, ::freeifaddrs);
    std::optional<net::Ip> any;
    for (const auto* each = list; each; each = each->ifa_next) {
        if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || each->ifa_flags & IFF_LOOPBACK)
            continue;
        sockaddr_storage storage{};
        std::memcpy(&storage, each->ifa_addr, sizeof(sockaddr_in));
        auto address = net::from_socket_address(storage);
        if (!address) continue;
        if (!first.empty() && first.front().name == each->ifa_name) return address->address;
        if (!any) any = address->address;
    }
    return any;
}

/// One that was chosen stays, whatever addresses come and go: another would cost all sessions.
std::optional<net::Ip> router_id_of(const model::Config& config, uint32_t chosen) {
    if (config.bgp.router_id) return config.bgp.router_id;
    if (config.node_address && config.node_address->is_v4()) return config.node_address;
    return chosen ? address_of(chosen) : own_ipv4(config.interfaces);
}

Services services_of(const model::Config& config) {
    Services services;
    for (const auto& [name, service] : config.services) services.emplace(name, service.bgp);
    return services;
}

std::string name_of(const model::BgpPeer& peer) {
    if (peer.description.empty()) return fmt::format("{} (AS {})", peer.address.text(), peer.asn);
    return fmt::format("{} (AS {}, {})", peer.address.text(), peer.asn, peer.description);
}

std::string why_down(const bfd::Change& change) {
    if (change.remote == bfd::State::admin_down) return "the peer has switched it off";
    if (change.diagnostic == bfd::Diagnostic::detection_time_expired)
        return "nothing has come for the detection time";
    return "the peer says that nothing reaches it";
}

}  // namespace

struct Speaker::Listener {
    Listener(const asio::any_io_executor& executor, net::Family family, UniqueFd socket)
        : acceptor(executor, family == net::Family::v4 ? tcp::v4() : tcp::v6(), socket.release()),
          again(executor) {}

    void close() {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        again.cancel();
    }

    tcp::acceptor acceptor;
    asio::steady_timer again;
    std::map<net::Ip, std::string> passwords;  // that the kernel has
};

Speaker::Speaker(asio::any_io_executor executor, OnNews on_news)
    : executor_(std::move(executor)),
      on_news_(std::move(on_news)),
      detector_(executor_, [this](const bfd::Change& change) { on_path(change); }) {}

Speaker::~Speaker() {
    try {
        vanish();
    } catch (...) {  // what cannot be closed here ends with the process
    }
}

Status Speaker::set(const model::Config& config) {
    if (stage_ != Stage::here) return {};
    bgp_ = config.bgp;
    services_ = services_of(config);
    auto done = set_peers(config);
    if (auto listens = listen(); done && !listens) done = listens;
    if (auto guarded = guard(); done && !guarded) done = guarded;
    return done;
}

Status Speaker::set_peers(const model::Config& config) {
    std::erase_if(former_, [](const auto& each) { return each->is_gone(); });
    Speaking speaking{bgp_.asn, 0, bgp_.restart_time};
    auto router_id = bgp_.peers.empty() ? std::nullopt : router_id_of(config, speaking_.router_id);
    if (router_id) speaking.router_id = number_of(*router_id);
    const bool able = bgp_.peers.empty() || router_id;
    const bool anew = speaking != std::exchange(speaking_, speaking);
    if (able) speaking.restarting = std::exchange(restarting_, false);
    auto former = std::exchange(peers_, {});
    for (const auto& settings : able ? bgp_.peers : std::vector<model::BgpPeer>{}) {
        auto known = former.find(settings.address);
        if (known != former.end() && !anew && same_session(known->second->settings(), settings)) {
            peers_.insert(former.extract(known));
            peers_.at(settings.address)->change(settings);
            continue;
        }
        auto on_change = [this](const Peer& peer, bool up, const std::string& why) {
            if (stage_ == Stage::closed) return;  // what was asked for is no news
            auto name = name_of(peer.settings());
            auto text = up ? fmt::format("the session with BGP peer {} is up", name)
                           : fmt::format("the session with BGP peer {} is down: {}", name, why);
            on_news_(up ? model::EventKind::bgp_up : model::EventKind::bgp_down, std::move(text),
                     peer.settings().address);
        };
        peers_.emplace(settings.address, std::make_shared<Peer>(executor_, settings, speaking, on_change));
    }
    // The former session of a peer that goes on in another way ends before the new one begins.
    for (auto& [address, peer] : former) {
        bool goes_on = peers_.contains(address);
        peer->stop({ErrorCode::cease, goes_on ? cease::kConfigurationChange : cease::kDeconfigured});
        former_.push_back(peer);
    }
    tell_peers();
    for (auto& [address, peer] : peers_) peer->start();
    detector_.set(able ? bfd::wanted(bgp_) : std::vector<bfd::Wanted>());
    if (!able) return fail("no BGP is spoken: this host has no IPv4 address; set 'bgp: router_id:'");
    return {};
}

Status Speaker::listen() {
    Status done;
    const auto wanted = bgp_.peers.empty() ? std::vector<net::Endpoint>{} : bgp_.listen;
    for (auto& [at, listener] : listeners_)
        if (std::ranges::find(wanted, at) == wanted.end()) listener->close();
    std::erase_if(listeners_, [](const auto& each) { return !each.second->acceptor.is_open(); });
    for (const auto& at : wanted) {
        if (listeners_.contains(at)) continue;
        auto socket = open_listener(at);
        if (!socket) {
            done = propagate(socket);
            continue;
        }
        auto listener = std::make_shared<Listener>(executor_, at.address.family(), std::move(*socket));
        listeners_.emplace(at, listener);
        asio::co_spawn(executor_, accept(listener), asio::detached);
    }
    return done;
}

/// Passwords and hop limits hold from the first packet on.
Status Speaker::guard() {
    Status done;
    for (auto& [at, listener] : listeners_)
        if (auto guarded = guard(*listener, at.address.family()); !guarded) done = guarded;
    return done;
}

Status Speaker::guard(Listener& listener, net::Family family) {
    Status done;
    const int socket = listener.acceptor.native_handle();
    std::map<net::Ip, std::string> wanted;
    std::optional<int> least;  // what the least demanding peer asks for
    for (const auto& [address, peer] : peers_) {
        if (address.family() != family) continue;
        const auto& settings = peer->settings();
        least = std::min(least.value_or(least_ttl(settings)), least_ttl(settings));
        if (!settings.password.empty()) wanted.emplace(address, settings.password);
    }
    if (auto set = set_least_ttl(socket, family, least.value_or(0)); !set) done = set;
    for (const auto& [address, password] : listener.passwords)
        if (!wanted.contains(address)) std::ignore = set_password(socket, address, "");
    for (const auto& [address, password] : wanted)
        if (auto set = set_password(socket, address, password); !set) done = set;
    listener.passwords = std::move(wanted);
    return done;
}

/// Until it is closed.
asio::awaitable<void> Speaker::accept(std::shared_ptr<Listener> listener) {
    auto alive = std::weak_ptr(alive_);
    auto& acceptor = listener->acceptor;
    auto& again = listener->again;
    while (acceptor.is_open()) {
        auto [code, socket] = co_await acceptor.async_accept(kAnswer);
        if (alive.expired() || !acceptor.is_open()) co_return;
        if (code) {
            again.expires_after(kAcceptAgain);
            (void)co_await again.async_wait(kAnswer);
            if (alive.expired()) co_return;
            continue;
        }
        boost::system::error_code ignored;
        UniqueFd fd(socket.release(ignored));
        auto from = remote_of(fd.get()).address;
        admit(std::move(fd), from);
    }
}

void Speaker::admit(UniqueFd socket, const net::Ip& from) {
    auto peer = peers_.find(from);
    if (stage_ == Stage::here && peer != peers_.end()) return peer->second->admit(std::move(socket));
    ++strangers_total_;
    spdlog::debug("{} has connected to the BGP port and is no peer of the configuration's", from.text());
}

void Speaker::announce(const model::Plan& plan, const std::vector<std::string>&) {
    if (stage_ != Stage::here) return;
    // Who has yet to learn which VIPs are healthy does not say that none is.
    if (plan.silent && !vips_) return;
    auto vips = bgp_.peers.empty() ? Vips{} : vips_of(plan, services_);
    if (vips_ == vips) return;
    auto before = std::exchange(vips_, std::move(vips)).value_or(Vips{});
    tell_peers();
    tell_of_vips(before);
}

/// A peer that has switched BFD off, or never spoke it, is none that is out of reach (RFC 5882 section 4.2).
void Speaker::on_path(const bfd::Change& change) {
    using bfd::State;
    auto found = peers_.find(change.peer);
    if (found == peers_.end() || (change.from != State::up && change.to != State::up)) return;
    const auto name = name_of(found->second->settings());
    if (change.to == State::up) {
        on_news_(model::EventKind::bfd_up, fmt::format("BFD with peer {} is up", name), change.peer);
        return found->second->path_found();
    }
    const auto why = why_down(change);
    on_news_(model::EventKind::bfd_down, fmt::format("BFD with peer {} is down: {}", name, why), change.peer);
    if (change.remote != State::admin_down) found->second->path_lost(fmt::format("BFD is down: {}", why));
}

void Speaker::tell_peers() {
    if (!vips_) return;
    for (auto& [address, peer] : peers_) peer->announce(*vips_, stage_ == Stage::leaving);
}

void Speaker::tell_of_vips(const Vips& before) {
    using model::EventKind;
    for (const auto& [vip, attributes] : before)
        if (!vips_->contains(vip))
            on_news_(EventKind::vip_withdrawn, fmt::format("{} is withdrawn from BGP", vip.text()),
                     std::nullopt);
    for (const auto& [vip, attributes] : *vips_)
        if (!before.contains(vip))
            on_news_(EventKind::vip_announced, fmt::format("{} is announced by BGP", vip.text()),
                     std::nullopt);
}

void Speaker::leave() {
    if (stage_ != Stage::here) return;
    stage_ = Stage::leaving;
    for (auto& [at, listener] : listeners_) listener->close();
    listeners_.clear();
    asio::co_spawn(executor_, see_out(), asio::detached);
}

bool Speaker::has_told() const {
    return std::ranges::any_of(peers_, [](const auto& each) { return !each.second->routes().empty(); });
}

/// RFC 8326 first, so that routers have other ways before ours is gone; then the withdrawal; then the end.
asio::awaitable<void> Speaker::see_out() {
    auto alive = std::weak_ptr(alive_);
    asio::steady_timer timer(executor_);
    if (bgp_.graceful_shutdown.count() > 0 && has_told()) {
        tell_peers();
        timer.expires_after(bgp_.graceful_shutdown);
        (void)co_await timer.async_wait(kAnswer);
        if (alive.expired()) co_return;
    }
    const bool waits = has_told();
    auto before = std::exchange(vips_, Vips{}).value_or(Vips{});
    tell_peers();
    tell_of_vips(before);
    if (waits) {
        timer.expires_after(bgp_.drain);
        (void)co_await timer.async_wait(kAnswer);
        if (alive.expired()) co_return;
    }
    close();
}

void Speaker::close() {
    stage_ = Stage::closed;
    const auto bye = cease_with_text(cease::kShutdown, bgp_.shutdown_message);
    for (auto& [address, peer] : peers_) {
        peer->stop(bye);
        former_.push_back(peer);
    }
    peers_.clear();
}

bool Speaker::is_gone() const {
    return stage_ == Stage::closed &&
           std::ranges::all_of(former_, [](const auto& each) { return each->is_gone(); });
}

/// Where peers do not keep the routes, there is nothing to wait for.
void Speaker::give_way() {
    stage_ = Stage::closed;
    if (bgp_.restart_time.count() == 0) {
        parked_.emplace();
        return vanish();
    }
    detector_.park(bgp_.restart_time, [this](bfd::ParkedSessions parked) {
        parked_ = std::move(parked);
        vanish();
    });
}

/// BFD first: a session that it still watches would be seen to break.
void Speaker::vanish() {
    detector_.end();
    alive_.reset();
    stage_ = Stage::closed;
    for (auto& [address, peer] : peers_) peer->vanish();
    for (auto& peer : former_) peer->vanish();
    peers_.clear();
    former_.clear();
    for (auto& [at, listener] : listeners_) listener->close();
    listeners_.clear();
}

BgpReport Speaker::report() const {
    BgpReport report;
    report.asn = bgp_.asn;
    if (speaking_.router_id) report.router_id = address_of(speaking_.router_id);
    for (const auto& [at, listener] : listeners_) report.listening.push_back(at);
    report.strangers_total = strangers_total_;
    const auto& paths = detector_.seen();
    report.bfd_strangers_total = paths.strangers_total;
    for (const auto& [address, peer] : peers_) {
        report.peers.push_back(peer->row());
        if (auto path = paths.rows.find(address); path != paths.rows.end())
            report.peers.back().bfd = path->second;
    }
    return report;
}

}  // namespace weir::announce::bgp
