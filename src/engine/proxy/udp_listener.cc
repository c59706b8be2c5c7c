#include "engine/proxy/udp_listener.h"

#include <sys/epoll.h>

#include <random>
#include <utility>

namespace weir::engine::proxy {
namespace {

constexpr unsigned kRounds = 4;  // of batches, before others have their turn

}  // namespace

UdpListener::UdpListener(const Around& around, const std::shared_ptr<const Route>& route, UniqueFd socket)
    : common_{.around = around,
              .route = route,
              .vip = {route->key.vip, route->key.port},
              .listener = std::move(socket),
              .chooser = Chooser(std::random_device{}()),
              .buffers = udp_buffers_of_this_thread(),
              .sender = this},
      sessions_(common_, [this] { common_.answers_wait(); }) {
    groups_.reserve(kUdpBatch);
}

Status UdpListener::watch() {
    return common_.around.loop.watch_level(common_.listener.get(), *this, EPOLLIN);
}

void UdpListener::set(std::shared_ptr<const Route> route) {
    common_.route = std::move(route);
    sessions_.reconsider();
}

void UdpListener::leave(std::function<void()> done) {
    done_ = std::move(done);
    common_.answers_wait();
}

void UdpListener::close() {
    done_ = nullptr;
    sessions_.end_all();
    common_.buffers->replies.leave(common_.listener.get());
    common_.listener.reset();
}

void UdpListener::ready(uint32_t events) {
    if (!common_.listener) return;
    if (events == 0) {
        common_.sending = false;
        common_.buffers->replies.leave(common_.listener.get());
        finish();
        return;
    }
    for (unsigned round = 0; round < kRounds && read_batch(); ++round) {
    }
}

/// The call may be the end of the front; this object goes on until the round is over.
void UdpListener::finish() {
    if (!done_ || !sessions_.empty()) return;
    common_.around.loop.forget(common_.listener.get());
    std::exchange(done_, nullptr)();
}

/// Whether there may be more.
bool UdpListener::read_batch() {
    auto& arrivals = common_.buffers->arrivals;
    const auto count = arrivals.receive(common_.listener.get(), 0, kUdpBatch);
    if (!count) return false;  // an error of the socket is told once, and level-triggered comes again
    groups_.clear();
    for (size_t i = 0; i < *count; ++i)
        if (auto* session = session_of(arrivals.at(i))) put(*session, static_cast<uint8_t>(i));
    for (const auto& group : groups_) send(group);
    return *count == kUdpBatch;
}

UdpSession* UdpListener::session_of(const Arrival& arrival) {
    const auto client = net::from_socket_address(*arrival.source);
    if (!client || client->port.value() == 0) return nullptr;  // that one cannot be answered
    if (*client == common_.vip) return nullptr;  // forged: answers to it would be asked again, for ever
    if (auto* session = sessions_.find(*client)) {
        sessions_.touch(*session, true);
        return session;
    }
    if (!done_) return sessions_.add(*client);
    common_.around.shared.count(Reason::no_backend);
    return nullptr;
}

/// What a session says of its group holds only if the group says the same: so none needs to be cleared.
void UdpListener::put(UdpSession& session, uint8_t place) {
    if (session.group < groups_.size() && groups_[session.group].session == &session) {
        auto& group = groups_[session.group];
        next_[group.last] = place;
        group.last = place;
        return;
    }
    session.group = groups_.size();
    groups_.push_back({&session, place, place});
}

void UdpListener::send(const Group& group) {
    for (auto place = group.first;; place = next_[place]) {
        group.session->take(common_.buffers->arrivals.at(place));
        if (place == group.last) break;
    }
    if (!group.session->send()) sessions_.end(*group.session);
}

}  // namespace weir::engine::proxy
