#include "engine/proxy/tcp_front.h"

#include <algorithm>
#include <random>

#include "engine/proxy/tcp_socket.h"

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMostWaiting = 1024;
constexpr auto kLookAgain = 20ms;  // room that other workers' connections leave is found so soon

std::shared_ptr<const Terms> terms_of(const Route& route) {
    return std::make_shared<const Terms>(route.settings, route.budget);
}

Throttle::Calls calls_of(Direction direction) {
    return {.rate = [direction](Relay& relay) -> Rate& { return relay.rate(direction); },
            .granted = [direction](Relay& relay, size_t bytes) { relay.grant(direction, bytes); }};
}

}  // namespace

Result<std::unique_ptr<Front>> open_tcp(const Around& around, std::shared_ptr<const Route> route) {
    return TcpFront::open(around, std::move(route));
}

Result<std::unique_ptr<TcpFront>> TcpFront::open(const Around& around, std::shared_ptr<const Route> route) {
    std::unique_ptr<TcpFront> front(new TcpFront(around, std::move(route)));
    if (auto status = front->listen(); !status) return propagate(status);
    return front;
}

TcpFront::TcpFront(const Around& around, std::shared_ptr<const Route> route)
    : site_{around, *bench_, *this},
      route_(std::move(route)),
      terms_(terms_of(*route_)),
      chooser_(std::random_device()()),
      throttles_{Throttle(around.loop, calls_of(Direction::to_backend)),
                 Throttle(around.loop, calls_of(Direction::to_client))},
      queue_alarm_(around.loop, [this] { serve_queue(); }) {}

TcpFront::~TcpFront() {
    on_left_ = {};
    queue_.clear();
    while (!relays_.empty()) relays_.front()->give_up();
    stop_listening();
}

Status TcpFront::listen() {
    auto socket = listen_tcp({route_->key.vip, route_->key.port}, route_->settings);
    if (!socket) return propagate(socket);
    acceptor_ = std::make_unique<Acceptor>(
        site_.around, std::move(*socket),
        [this](UniqueFd client, const net::Endpoint& from) { accept(std::move(client), from); });
    return acceptor_->open();
}

void TcpFront::stop_listening() {
    if (!acceptor_) return;
    acceptor_->close();
    site_.around.loop.bury(std::move(acceptor_));
}

std::optional<net::Endpoint> TcpFront::bound() const {
    if (!acceptor_) return std::nullopt;
    return local_endpoint(acceptor_->descriptor());
}

void TcpFront::set(std::shared_ptr<const Route> route) {
    route_ = std::move(route);
    terms_ = terms_of(*route_);
    if (acceptor_) set_accepted(acceptor_->descriptor(), route_->settings);
    end_removed();
    if (!queue_.empty()) queue_alarm_.set(site_.around.loop.now());
}

/// Those whose target may keep nothing.
void TcpFront::end_removed() {
    std::vector<net::Endpoint> removed;
    for (const auto& target : route_->targets)
        if (!target.keeps) removed.push_back(target.backend);
    if (removed.empty()) return;
    std::vector<Relay*> ending;
    for (const auto& relay : relays_)
        if (relay->backend() && std::ranges::find(removed, *relay->backend()) != removed.end())
            ending.push_back(relay.get());
    for (auto* relay : ending) relay->refuse(Reason::backend_removed);
}

void TcpFront::leave(std::function<void()> done) {
    stop_listening();
    on_left_ = std::move(done);
    tell_if_left();
}

/// By a call of its own: the front may go then.
void TcpFront::tell_if_left() {
    if (on_left_ && relays_.empty()) site_.around.loop.post(std::exchange(on_left_, {}));
}

void TcpFront::accept(UniqueFd client, const net::Endpoint& from) {
    bench_->pipes.set_size(site_.around.shared.pipe_size.load(std::memory_order_relaxed));
    relays_.push_back(std::make_unique<Relay>(site_, std::move(client), from, terms_));
    auto& relay = *relays_.back();
    relay.place = std::prev(relays_.end());
    relay.begin();
}

std::expected<TcpFront::Seat, Reason> TcpFront::find_seat(const Relay& relay) {
    auto room = Room::take(site_.around.shared, *terms_->budget, route_->settings.max_connections);
    if (!room) return std::unexpected(room.error());
    auto choice = choose(route_, relay.client(), {});
    if (choice) return Seat{std::move(*room), *std::move(choice)};
    return std::unexpected(Chooser::is_full(*route_, {}) ? Reason::backends_full : Reason::no_backend);
}

void TcpFront::seat(Relay& relay) {
    if (queue_.empty()) {
        auto seat = find_seat(relay);
        if (seat) return relay.go(std::move(seat->choice), terms_, std::move(seat->room));
        lacking_ = seat.error();
    }
    const auto timeout = route_->settings.queue_timeout;
    if (timeout == 0ms || queue_.size() >= kMostWaiting) return relay.refuse(lacking_);
    const auto now = site_.around.loop.now();
    queue_.push_back({&relay, now + timeout});
    if (!queue_alarm_.is_set()) queue_alarm_.set(now + kLookAgain);
}

void TcpFront::serve_queue() {
    while (!queue_.empty()) {
        auto& relay = *queue_.front().relay;
        auto seat = find_seat(relay);
        if (!seat) {
            lacking_ = seat.error();
            break;
        }
        queue_.pop_front();
        relay.go(std::move(seat->choice), terms_, std::move(seat->room));
    }
    const auto now = site_.around.loop.now();
    while (!queue_.empty() && queue_.front().due <= now) {
        auto& relay = *queue_.front().relay;
        queue_.pop_front();
        relay.refuse(lacking_);
    }
    if (!queue_.empty()) queue_alarm_.set(std::min(queue_.front().due, now + kLookAgain));
}

std::optional<Choice> TcpFront::choose(const std::shared_ptr<const Route>& route, const net::Endpoint& client,
                                       std::span<const size_t> tried) {
    if (route->tokens) {
        if (!tried.empty()) route->tokens->forget(route->targets[tried.back()].backend);
        return take_token();
    }
    auto target = chooser_.choose(*route, client, tried);
    return target ? std::optional(Choice{route, *target}) : std::nullopt;
}

/// A route of its own, to the one backend that the token names.
std::optional<Choice> TcpFront::take_token() {
    auto token = route_->tokens->take();
    if (!token) return std::nullopt;
    auto route = std::make_shared<Route>(*route_);
    if (!of_tokens_) of_tokens_ = std::make_shared<Tallies>(route_->tallies->by_worker.size());
    route->targets = {{.backend = *token, .weight = 1, .tallies = of_tokens_}};
    return Choice{std::move(route), 0};
}

Throttle& TcpFront::throttle(Direction direction) {
    return throttles_[static_cast<size_t>(direction)];
}

void TcpFront::ran_out() {
    if (acceptor_) return acceptor_->pause();
    site_.around.shared.count(Reason::no_descriptors);
}

void TcpFront::ended(Relay& relay) {
    std::erase_if(queue_, [&](const Waiting& waiting) { return waiting.relay == &relay; });
    auto whole = std::move(*relay.place);
    relays_.erase(relay.place);
    site_.around.loop.bury(std::move(whole));
    if (!queue_.empty()) queue_alarm_.set(site_.around.loop.now());
    tell_if_left();
}

}  // namespace weir::engine::proxy
