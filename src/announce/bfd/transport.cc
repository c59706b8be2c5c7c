#include "announce/bfd/transport.h"

#include <boost/asio/posix/descriptor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>

#include "announce/bfd/socket.h"
#include "base/log.h"

namespace weir::announce::bfd {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = Session::Time::clock;

constexpr int kAtATime = 64;  // packets: a flood of them must not keep the timers from running,
constexpr auto kRest = std::chrono::milliseconds(1);  // nor take a CPU from those without real-time priority
constexpr int kFarewells = 3;                         // one may be lost

}  // namespace

struct Transport::Receiver {
    asio::posix::stream_descriptor socket;
    asio::steady_timer rest;
};

struct Transport::Link : std::enable_shared_from_this<Link> {
    Link(const asio::any_io_executor& executor, const Wanted& as_wanted, const Session& its_session)
        : wanted(as_wanted), session(its_session), timer(executor) {}

    Wanted wanted;
    Session session;
    asio::steady_timer timer;
    UniqueFd sender;
    std::shared_ptr<Receiver> receiver;
    BfdRow row;
};

Transport::Transport(asio::any_io_executor executor, OnChange on_change)
    : executor_(std::move(executor)), on_change_(std::move(on_change)) {}

Transport::~Transport() = default;

void Transport::set(const std::vector<Wanted>& wanted, const ParkedSessions& parked) {
    auto former = std::exchange(links_, {});
    for (const auto& each : wanted) {
        auto known = former.find(each.peer);
        if (known == former.end() || !same_path(known->second->wanted, each)) continue;
        auto link = known->second;
        former.erase(known);
        link->wanted = each;
        link->session.change(each.timers);
        arm(*link);
        links_[each.peer] = std::move(link);
    }
    for (auto& [peer, link] : former) farewell(*link);
    former.clear();
    std::erase_if(receivers_, [](const auto& each) { return each.second.use_count() == 1; });
    for (const auto& each : wanted) {
        if (links_.contains(each.peer)) continue;
        auto link = make(each, parked);
        links_.emplace(each.peer, link);
        tick(*link);
    }
}

std::shared_ptr<Transport::Link> Transport::make(const Wanted& wanted, const ParkedSessions& parked) {
    const auto now = Clock::now();
    const auto seed = std::random_device()();
    auto known = parked.find(wanted.peer);
    auto session = known == parked.end() ? Session(wanted.timers, fresh_discriminator(), seed, now)
                                         : Session(wanted.timers, known->second, seed, now);
    auto link = std::make_shared<Link>(executor_, wanted, session);
    link->row.since = std::chrono::system_clock::now();
    link->row.multihop = wanted.multihop;
    return link;
}

uint32_t Transport::fresh_discriminator() {
    std::random_device random;
    for (;;) {
        const uint32_t number = random();
        bool is_free = number != 0;
        for (const auto& [peer, link] : links_)
            if (link->session.discriminator() == number) is_free = false;
        if (is_free) return number;
    }
}

/// What can be sent and received then stays so, over whatever the interfaces do, unless sending fails.
Status Transport::open(Link& link) {
    link.sender.reset();
    auto local = link.wanted.source ? Result<net::Ip>(*link.wanted.source) : own_address(link.wanted.peer);
    if (!local) return propagate(local);
    auto receives = receiver(*local, link.wanted.multihop);
    if (!receives) return propagate(receives);
    auto sends = open_sender(*local);
    if (!sends) return propagate(sends);
    link.receiver = std::move(*receives);
    link.sender = std::move(*sends);
    link.row.local = *local;
    return {};
}

Result<std::shared_ptr<Transport::Receiver>> Transport::receiver(const net::Ip& local, bool multihop) {
    auto& known = receivers_[{local, port_of(multihop)}];
    if (known) return known;
    auto socket = open_receiver(local, multihop);
    if (!socket) {
        receivers_.erase({local, port_of(multihop)});
        return propagate(socket);
    }
    known = std::make_shared<Receiver>(asio::posix::stream_descriptor(executor_, socket->release()),
                                       asio::steady_timer(executor_));
    listen(known);
    return known;
}

void Transport::listen(const std::shared_ptr<Receiver>& receiver) {
    auto on_packets = [this, weak = std::weak_ptr(receiver)](error_code error) {
        auto self = weak.lock();
        if (error || !self) return;
        if (drain(*self)) return listen(self);
        self->rest.expires_after(kRest);
        self->rest.async_wait([this, weak](error_code stopped) {
            auto rested = weak.lock();
            if (!stopped && rested) listen(rested);
        });
    };
    receiver->socket.async_wait(asio::posix::descriptor_base::wait_read, on_packets);
}

/// Whether that is all that waits.
bool Transport::drain(Receiver& receiver) {
    for (int i = 0; i < kAtATime; ++i) {
        const auto datagram = receive(receiver.socket.native_handle());
        if (!datagram) return true;
        const auto found = links_.find(datagram->from);
        if (found == links_.end() || found->second->receiver.get() != &receiver) {
            ++strangers_total_;
            continue;
        }
        auto& link = *found->second;
        auto packet = datagram->ttl < link.wanted.least_ttl ? std::unexpected(Refusal::hop_limit)
                                                            : read(datagram->data());
        if (packet && !link.session.owns(*packet)) packet = std::unexpected(Refusal::your_discriminator);
        if (!packet) {
            ++link.row.refused_total.at(static_cast<size_t>(packet.error()));
            continue;
        }
        ++link.row.received_total;
        apply(link, link.session.received(*packet, Clock::now()));
    }
    return false;
}

void Transport::apply(Link& link, const Step& step) {
    if (step.send) send(link, *step.send);
    arm(link);
    if (!step.former) return;
    link.row.since = std::chrono::system_clock::now();
    const auto& session = link.session;
    if (session.state() == State::up) ++link.row.up_total;
    on_change_(
        {link.wanted.peer, *step.former, session.state(), session.remote_state(), session.diagnostic()});
}

void Transport::send(Link& link, const Packet& packet) {
    auto done = link.sender ? Status() : open(link);
    if (done)
        done = bfd::send(link.sender.get(), {link.wanted.peer, port_of(link.wanted.multihop)}, write(packet));
    if (done) {
        ++link.row.sent_total;
        link.row.last_error.clear();
        return;
    }
    // The next one looks anew for the way.
    link.sender.reset();
    const auto& error = done.error().message;
    if (std::exchange(link.row.last_error, error) != error)
        spdlog::warn("BFD with peer {}: {}", link.wanted.peer.text(), error);
}

/// The peer is not to think that the path is broken.
void Transport::farewell(Link& link) {
    const auto packet = link.session.disable();
    link.timer.cancel();
    for (int i = 0; i < kFarewells && link.sender; ++i) send(link, packet);
}

void Transport::arm(Link& link) {
    const auto next = link.session.next();
    if (!next) {
        link.timer.cancel();
        return;
    }
    link.timer.expires_at(*next);
    link.timer.async_wait([this, weak = link.weak_from_this()](error_code error) {
        auto self = weak.lock();
        if (!error && self) tick(*self);
    });
}

/// Where this thread was held up, a peer may look silent whose packets only wait to be read: they come first.
void Transport::tick(Link& link) {
    for (auto& [at, receiver] : receivers_) drain(*receiver);
    apply(link, link.session.tick(Clock::now()));
}

Seen Transport::seen() const {
    Seen seen{.strangers_total = strangers_total_};
    for (const auto& [peer, link] : links_) {
        auto row = link->row;
        const auto& session = link->session;
        row.state = to_text(session.state());
        row.remote_state = to_text(session.remote_state());
        row.diagnostic = to_text(session.diagnostic());
        row.remote_diagnostic = to_text(session.remote_diagnostic());
        row.transmit_interval = session.transmit_interval();
        row.receive_interval = session.receive_interval();
        row.detection_time = session.detection_time();
        seen.rows.emplace(peer, std::move(row));
    }
    return seen;
}

void Transport::park(Session::Duration patience) {
    for (auto& [peer, link] : links_) {
        link->session.park(patience);
        arm(*link);
    }
}

bool Transport::is_parked() const {
    for (const auto& [peer, link] : links_)
        if (link->session.state() == State::up && !link->session.parked()) return false;
    return true;
}

ParkedSessions Transport::take_parked() {
    ParkedSessions all;
    for (auto& [peer, link] : links_) {
        if (auto parked = link->session.parked())
            all.emplace(peer, *parked);
        else
            farewell(*link);
    }
    links_.clear();
    receivers_.clear();
    return all;
}

}  // namespace weir::announce::bfd
