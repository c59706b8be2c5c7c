#include "announce/bgp/peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <random>

#include "announce/bgp/socket.h"
#include "base/log.h"

namespace weir::announce::bgp {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = Session::Time::clock;

constexpr auto kCatchUp = std::chrono::milliseconds(100);
constexpr size_t kMostBacklog = size_t{16} << 20;  // all routes, many times over

Session::Options options(const model::BgpPeer& peer, const Speaking& speaking) {
    Session::Options out;
    out.passive = peer.passive;
    out.connect_retry = peer.connect_retry;
    out.terms = {speaking.asn, peer.asn, speaking.router_id, peer.hold_time, {}};
    auto& capabilities = out.terms.capabilities;
    capabilities.families = {net::Family::v4, net::Family::v6};
    capabilities.route_refresh = capabilities.enhanced_refresh = true;
    capabilities.v4_over_v6 = !peer.address.is_v4();
    if (speaking.restart_time.count() > 0)
        capabilities.graceful_restart =
            GracefulRestart{speaking.restarting,
                            static_cast<uint16_t>(speaking.restart_time.count()),
                            {{net::Family::v4, speaking.restarting}, {net::Family::v6, speaking.restarting}}};
    return out;
}

/// In words that go behind "the connection".
std::string why(const error_code& code) {
    if (code == asio::error::eof) return "it closed the connection";
    if (code == asio::error::timed_out) return "the connection timed out";
    auto text = code.message();
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

std::vector<std::string_view> words(const Agreed& agreed) {
    const auto& has = agreed.theirs.capabilities;
    std::pair<bool, std::string_view> all[] = {
        {agreed.families.contains(net::Family::v4), "ipv4"},
        {agreed.families.contains(net::Family::v6), "ipv6"},
        {agreed.dialect.v4_over_v6, "ipv4_over_ipv6"},
        {agreed.dialect.four_byte_asn, "four_byte_asn"},
        {has.route_refresh, "route_refresh"},
        {agreed.enhanced_refresh, "enhanced_route_refresh"},
        {has.graceful_restart.has_value(), "graceful_restart"},
    };
    std::vector<std::string_view> out;
    for (auto [is, word] : all)
        if (is) out.push_back(word);
    return out;
}

}  // namespace

Peer::Peer(const asio::any_io_executor& executor, const model::BgpPeer& settings, const Speaking& speaking,
           OnChange on_change)
    : executor_(executor),
      settings_(settings),
      speaking_(speaking),
      on_change_(std::move(on_change)),
      session_(options(settings, speaking), std::random_device()()),
      timer_(executor) {
    row_.since = std::chrono::system_clock::now();
}

void Peer::start() {
    act(session_.start(Clock::now()));
}

void Peer::admit(UniqueFd socket) {
    if (auto done = prepare(socket.get(), settings_, is_external()); !done) {
        spdlog::warn("peer {} is not let in: {}", settings_.address.text(), done.error().message);
        return;
    }
    auto fresh = std::make_shared<Connection>(executor_, settings_.address.family(), std::move(socket), true);
    auto admission = session_.admit(Clock::now());
    if (admission.refused) {
        spdlog::debug("peer {} is not let in: {}", settings_.address.text(), describe(*admission.refused));
        fresh->send(write(*admission.refused));
        ending_.push_back(fresh);
        asio::co_spawn(executor_, read(shared_from_this(), Side::theirs, fresh), asio::detached);
        return fresh->close();
    }
    act(admission.before);
    line(Side::theirs) = fresh;
    asio::co_spawn(executor_, read(shared_from_this(), Side::theirs, fresh), asio::detached);
    act(session_.connected(Side::theirs, Clock::now()));
}

asio::awaitable<void> Peer::connect(std::shared_ptr<Peer> self, Line line) {
    net::Endpoint to{settings_.address, settings_.port};
    auto code = co_await line->connect(to);
    if (line->is_closing()) co_return;
    if (code) {
        line->abort();
        this->line(Side::ours).reset();
        act(session_.lost(Side::ours, fmt::format("no connection: {}", why(code)), Clock::now()));
        co_return;
    }
    act(session_.connected(Side::ours, Clock::now()));
    co_await read(std::move(self), Side::ours, std::move(line));
}

/// Until it ends. Of one that is closing everything is thrown away.
asio::awaitable<void> Peer::read(std::shared_ptr<Peer> /*self*/, Side side, Line line) {
    Bytes bytes;
    std::optional<Refusal> refusal;
    for (;;) {
        auto code = co_await line->read(&bytes, &refusal);
        if (code) {
            bool was_closing = line->is_closing();
            line->abort();
            if (was_closing) co_return;
            this->line(side).reset();
            act(session_.lost(side, why(code), Clock::now()));
            co_return;
        }
        if (line->is_closing()) continue;
        if (refusal)
            act(session_.refused(side, *std::exchange(refusal, std::nullopt), Clock::now()));
        else
            take(side, bytes);
    }
}

void Peer::take(Side side, const Bytes& bytes) {
    auto message = read_message(bytes, session_.dialect(side));
    if (!message) return act(session_.refused(side, message.error(), Clock::now()));
    count(*message);
    act(session_.received(side, *message, Clock::now()));
}

void Peer::count(const Message& message) {
    ++row_.received_total[message.index()];
    auto* update = std::get_if<Received>(&message);
    if (!update) return;
    row_.prefixes_ignored_total += update->announced;
    if (update->fault.empty()) return;
    ++row_.faults_total;
    if (std::exchange(row_.last_fault, update->fault) != update->fault)
        spdlog::warn("peer {} sends UPDATEs with a fault, which changes nothing here: {}",
                     settings_.address.text(), update->fault);
}

void Peer::act(const Actions& actions) {
    for (const auto& action : actions) std::visit([this](const auto& each) { act(each); }, action);
    arm();
    if (std::exchange(state_, session_.state()) == state_) return;
    row_.since = std::chrono::system_clock::now();
    spdlog::debug("peer {} is in the state {}", settings_.address.text(), to_text(state_));
}

void Peer::act(const Connect&) {
    auto socket = open_socket(settings_, is_external());
    if (!socket) {
        // Not from within the state machine's own step.
        asio::post(executor_, [self = shared_from_this(), error = socket.error().message] {
            self->act(self->session_.lost(Side::ours, error, Clock::now()));
        });
        return;
    }
    line(Side::ours) =
        std::make_shared<Connection>(executor_, settings_.address.family(), std::move(*socket), false);
    asio::co_spawn(executor_, connect(shared_from_this(), line(Side::ours)), asio::detached);
}

void Peer::act(const Send& send) {
    this->send(send.side, send.message);
}

void Peer::send(Side side, Bytes message) {
    if (!line(side)) return;
    auto type = message[kHeaderSize - 1];  // the header's last byte
    ++row_.sent_total.at(type - 1u);
    line(side)->send(std::move(message));
    if (line(side)->backlog() > kMostBacklog) give_up(side);
}

/// Of a peer that asks for all of it again and again and reads nothing. Not from within the state machine's
/// own step.
void Peer::give_up(Side side) {
    asio::post(executor_, [self = shared_from_this(), side, line = std::weak_ptr(line(side))] {
        auto of = line.lock();
        if (!of || self->line(side) != of) return;
        of->abort();
        self->line(side).reset();
        self->act(self->session_.lost(side, "it does not read what it is told", Clock::now()));
    });
}

void Peer::act(const Close& close) {
    if (!line(close.side)) return;
    line(close.side)->close();
    std::erase_if(ending_, [](const auto& each) { return each.expired(); });
    ending_.push_back(std::exchange(line(close.side), nullptr));
}

void Peer::act(const Up& up) {
    agreed_ = up.agreed;
    side_ = up.side;
    local_ = local_of(line(up.side)->socket()).address;
    rib_ = AdjRibOut(agreed_->dialect);
    ++row_.established_total;
    row_.last_fault.clear();
    on_change_(*this, true, "");
    if (vips_) tell(true);
}

void Peer::act(const Down& down) {
    agreed_.reset();
    rib_ = AdjRibOut();
    withheld_.clear();
    row_.last_error = down.why;
    on_change_(*this, false, down.why);
}

void Peer::act(const Failed& failed) {
    auto before = std::exchange(row_.last_error, failed.why);
    if (before == failed.why) return;
    spdlog::warn("no session with peer {}: {}", settings_.address.text(), failed.why);
}

void Peer::act(const Resend& resend) {
    if (!vips_) return;  // it all comes yet
    const bool marked = agreed_->enhanced_refresh;
    if (marked) send(side_, refresh(resend.family, Refresh::Kind::begin));
    for (auto& message : rib_.again(resend.family)) send(side_, std::move(message));
    if (marked) send(side_, refresh(resend.family, Refresh::Kind::end));
}

void Peer::path_lost(const std::string& why) {
    act(session_.cut(why, Clock::now()));
}

void Peer::path_found() {
    act(session_.mend(Clock::now()));
}

void Peer::change(const model::BgpPeer& settings) {
    settings_ = settings;
    if (agreed_ && vips_) tell(false);
}

void Peer::announce(const Vips& vips, bool leaving) {
    leaving_ = leaving;
    bool first = !std::exchange(vips_, vips);
    if (agreed_) tell(first);
}

/// `complete`: then comes the end of the first telling.
void Peer::tell(bool complete) {
    auto exported = export_to(settings_, *agreed_, speaking_.asn, local_, *vips_, leaving_);
    withheld_ = std::move(exported.withheld);
    for (auto& message : rib_.replace(std::move(exported.routes))) send(side_, std::move(message));
    if (!complete) return;
    for (auto family : agreed_->families) send(side_, end_of_rib(family));
}

void Peer::stop(const Notification& why) {
    act(session_.stop(why, Clock::now()));
}

void Peer::vanish() {
    for (auto& each : lines_)
        if (each) std::exchange(each, nullptr)->abort();
    on_change_ = [](const Peer&, bool, const std::string&) {};
    timer_.cancel();
    agreed_.reset();
}

bool Peer::is_gone() const {
    auto under_way = [](const auto& each) { return !each.expired(); };
    return !lines_[0] && !lines_[1] && std::ranges::none_of(ending_, under_way);
}

void Peer::arm() {
    if (auto next = session_.next())
        wake_at(*next);
    else
        timer_.cancel();
}

void Peer::wake_at(Session::Time time) {
    timer_.expires_at(time);
    timer_.async_wait([weak = weak_from_this()](error_code error) {
        auto self = weak.lock();
        if (!error && self) self->tick();
    });
}

/// Where the loop was held up, a peer may look silent whose messages only wait to be read: they come first.
void Peer::tick() {
    auto waits = [](const Line& line) { return line && line->has_unread(); };
    if (!std::exchange(caught_up_, true) && std::ranges::any_of(lines_, waits))
        return wake_at(Clock::now() + kCatchUp);
    caught_up_ = false;
    act(session_.tick(Clock::now()));
}

BgpPeerRow Peer::row() const {
    auto row = row_;
    row.settings = settings_;
    row.settings.password.clear();
    row.state = to_text(session_.state());
    row.withheld = withheld_;
    for (const auto& [prefix, of] : rib_.routes())
        row.routes.push_back(
            {prefix, of.next_hop, of.as_path, of.med, of.local_pref, of.communities, of.large_communities});
    if (!agreed_) return row;
    row.local = local_;
    row.router_id = address_of(agreed_->theirs.router_id);
    row.hold_time = agreed_->hold_time;
    row.agreed = words(*agreed_);
    return row;
}

bool same_session(const model::BgpPeer& a, const model::BgpPeer& b) {
    auto bare = [](model::BgpPeer peer) {
        peer.description.clear();
        peer.attributes = {};
        peer.accept.clear();
        peer.reject.clear();
        peer.next_hop_v4 = peer.next_hop_v6 = std::nullopt;
        peer.bfd.reset();
        return peer;
    };
    return bare(a) == bare(b);
}

}  // namespace weir::announce::bgp
