#include "engine/proxy/udp_session.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "engine/proxy/udp_sessions.h"
#include "engine/proxy/udp_socket.h"

namespace weir::engine::proxy {
namespace {

constexpr unsigned kRounds = 4;  // of reading, before other sessions have their turn
constexpr size_t kIpv6Least = 1280;

/// One thread writes each.
void add(std::atomic<uint64_t>& counter, uint64_t more) {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

/// That no socket can be had now says nothing about the backend.
bool is_out_of_descriptors(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EAGAIN;
}
/// Nor does that the client's address cannot be taken.
bool is_about_client(int error) {
    return error == EADDRINUSE || error == EADDRNOTAVAIL || error == EPERM;
}

size_t headers(const net::Endpoint& endpoint) {
    return endpoint.address.is_v4() ? 20 + 8 : 40 + 8;
}

/// As many bytes of whole datagrams as the rate gives.
size_t take_whole(Rate& rate, size_t size, size_t segment, Loop::Time now) {
    if (!rate.is_limited()) return size;
    const size_t taken = rate.take(size, now);
    const size_t whole = taken == size ? size : taken / segment * segment;
    if (taken > whole) rate.give_back(taken - whole);
    return whole;
}

}  // namespace

UdpSession::UdpSession(UdpCommon& common, UdpSessions& table, const net::Endpoint& client,
                       UdpAdmission admission)
    : common_(common),
      table_(table),
      client_(client),
      worker_(common.around.worker),
      admission_(std::move(admission)),
      of_front_(common.route->tallies) {
    follow(*common.route);
    auto& tally = tally_of(*of_front_);
    add(tally.active, 1);
    add(tally.total, 1);
}

void UdpSession::follow(const Route& route) {
    to_backend_.set(route.settings.connection_bandwidth);
    to_client_.set(route.settings.connection_bandwidth);
}

void UdpSession::take(const Arrival& arrival) {
    client_fragments_ = client_fragments_ || arrival.in_fragments;
    auto allowed = let_through(arrival, common_.route->budget->to_backends, to_backend_);
    if (allowed) common_.buffers->to_backend.add(*allowed, nullptr);
}

std::optional<Arrival> UdpSession::let_through(const Arrival& arrival, Rate& of_service, Rate& own) const {
    if (arrival.bytes.empty() || (!of_service.is_limited() && !own.is_limited())) return arrival;
    const auto now = common_.around.loop.now();
    const size_t of_own = take_whole(own, arrival.bytes.size(), arrival.segment, now);
    const size_t size = take_whole(of_service, of_own, arrival.segment, now);
    if (of_own > size && own.is_limited()) own.give_back(of_own - size);
    const auto allowed = arrival.first(size);
    const size_t passed = size == 0 ? 0 : allowed.datagrams();
    if (passed < arrival.datagrams())
        common_.around.shared.count(Reason::over_rate, arrival.datagrams() - passed);
    if (passed == 0) return std::nullopt;
    return allowed;
}

// ---- to the backend

bool UdpSession::send() {
    auto& outbox = common_.buffers->to_backend;
    const unsigned most = common_.route->settings.retries;
    for (unsigned moves = 0, widened = 0; !outbox.empty();) {
        if (const auto reason = socket_ ? std::nullopt : find_backend()) {
            drop_rest(*reason);
            return false;
        }
        const auto before = outbox.left();
        const int error = outbox.send(socket_.get());
        note_sent(before - outbox.left());
        if (error == 0) break;
        if (is_lack_of_room(error)) {
            drop_rest(Reason::buffers_full);
        } else if (error == EMSGSIZE) {
            widen(outbox.front_size());
            if (++widened > 2) outbox.skip();  // else that error was an earlier one's
        } else {
            lose_backend(outbox.front_size());
            if (moves++ == most) drop_rest(Reason::connect_failed);
        }
    }
    return true;
}

void UdpSession::drop_rest(Reason reason) {
    auto& outbox = common_.buffers->to_backend;
    common_.around.shared.count(reason, outbox.left().datagrams);
    outbox.clear();
}

void UdpSession::note_sent(const UdpOutbox::Amount& sent) {
    if (sent.datagrams == 0) return;
    for (auto* tally : {&tally_of(*tallies_), &tally_of(*of_front_)}) {
        add(tally->in_bytes, sent.bytes);
        add(tally->in_packets, sent.datagrams);
    }
    unanswered_ += static_cast<int64_t>(sent.datagrams);
    last_size_ = sent.bytes / sent.datagrams;
}

std::vector<size_t> UdpSession::places_tried() const {
    std::vector<size_t> places;
    const auto& targets = common_.route->targets;
    for (size_t i = 0; i < targets.size(); ++i)
        if (std::ranges::find(refused_, targets[i].backend) != refused_.end()) places.push_back(i);
    return places;
}

/// When every backend has refused it, it begins anew. Where it finds none: why.
std::optional<Reason> UdpSession::find_backend() {
    const auto& route = *common_.route;
    auto tried = places_tried();
    for (unsigned tries = 0; tries <= route.settings.retries; ++tries) {
        auto chosen = common_.chooser.choose(route, client_, tried);
        if (!chosen && !refused_.empty() && tries == 0) {
            refused_.clear();
            tried.clear();
            chosen = common_.chooser.choose(route, client_, tried);
        }
        if (!chosen && tries > 0) break;
        if (!chosen) return Chooser::is_full(route, tried) ? Reason::backends_full : Reason::no_backend;
        const int error = connect_to(route.targets[*chosen]);
        if (error == 0) return std::nullopt;
        if (is_out_of_descriptors(error)) return Reason::no_descriptors;
        if (is_about_client(error)) break;
        note_failure(*route.targets[*chosen].tallies);
        tried.push_back(*chosen);
    }
    return Reason::connect_failed;
}

int UdpSession::connect_to(const Target& target) {
    const auto& settings = common_.route->settings;
    auto socket = open_udp_backend({.backend = target.backend,
                                    .as = settings.transparent ? &client_ : nullptr,
                                    .bulk = !settings.one_packet});
    if (!socket) return socket.error();
    const auto edges = EPOLLIN | static_cast<uint32_t>(EPOLLET);  // each datagram sent would be an EPOLLOUT
    if (!common_.around.loop.watch_level(socket->get(), *this, edges)) return ENOMEM;
    socket_ = std::move(*socket);
    backend_ = target.backend;
    tallies_ = target.tallies;
    fragments_ = false;
    unanswered_ = 0;
    add(tally_of(*tallies_).active, 1);
    add(tally_of(*tallies_).total, 1);
    return 0;
}

// ---- from the backend

void UdpSession::ready(uint32_t events) {
    if (events == 0) waits_ = false;
    for (unsigned round = 0; round < kRounds; ++round) {
        if (!socket_) return;
        auto& replies = common_.buffers->replies;
        replies.use(common_.listener.get(), common_.around.shared);
        const auto count = replies.receive(socket_.get());
        if (!count && count.error() == EMSGSIZE) {
            widen(last_size_);
            continue;
        }
        if (!count) {
            if (!is_lack_of_room(count.error())) lose_backend(last_size_);
            return;
        }
        deliver(*count);
        if (*count < UdpReplies::kAtOnce) return;
    }
    if (!socket_ || waits_) return;
    waits_ = true;
    common_.around.loop.turn(*this);
}

void UdpSession::deliver(size_t messages) {
    auto& replies = common_.buffers->replies;
    UdpOutbox::Amount delivered;
    for (size_t i = 0; i < messages; ++i) {
        const auto arrival = replies.at(i);
        unanswered_ -= static_cast<int64_t>(arrival.datagrams());
        auto allowed = let_through(arrival, common_.route->budget->to_clients, to_client_);
        if (!allowed) continue;
        replies.add(*allowed, client_);
        delivered.bytes += allowed->bytes.size();
    }
    common_.answers_wait();
    auto& tally = tally_of(*tallies_);
    add(tally.out_bytes, delivered.bytes);
    add(tally_of(*of_front_).out_bytes, delivered.bytes);
    if (tally.in_a_row.load(std::memory_order_relaxed) != 0)
        tally.in_a_row.store(0, std::memory_order_relaxed);
    refused_.clear();
    if (common_.route->settings.one_packet && unanswered_ <= 0)
        table_.end(*this);
    else
        table_.touch(*this, false);
}

// ---- when it fails

void UdpSession::note_failure(Tallies& tallies) const {
    add(tally_of(tallies).failed, 1);
    add(tally_of(tallies).in_a_row, 1);
    common_.around.shared.on_failure();
}

void UdpSession::lose_backend(size_t undelivered) {
    note_failure(*tallies_);
    common_.notice.unreachable({client_, common_.vip, undelivered}, common_.around.loop.now());
    refused_.push_back(backend_);
    leave_backend();
}

void UdpSession::leave_backend() {
    if (!socket_) return;
    socket_.reset();
    auto& active = tally_of(*tallies_).active;
    active.store(active.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    tallies_.reset();
}

/// The path takes less than it was thought to: the client is told what would pass, and what comes of it
/// before it knows goes in fragments. A client that sends fragments does not ask for that word.
void UdpSession::widen(size_t payload) {
    const size_t mtu = path_mtu(socket_.get(), backend_.address.family());
    if (!client_fragments_ && mtu > headers(backend_) && payload + headers(backend_) > mtu) {
        const size_t theirs = mtu - headers(backend_) + headers(client_);
        common_.notice.too_big({client_, common_.vip, payload},
                               client_.address.is_v4() ? theirs : std::max(theirs, kIpv6Least),
                               common_.around.loop.now());
    }
    if (!fragments_) allow_fragments(socket_.get(), backend_.address.family());
    fragments_ = true;
}

void UdpSession::close() {
    leave_backend();
    auto& active = tally_of(*of_front_).active;
    active.store(active.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    admission_.give_back();
}

}  // namespace weir::engine::proxy
