#include "engine/proxy/relay.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

#include "engine/proxy/tcp_socket.h"
#include "proto/proxy_header.h"

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kNever = Loop::Time::max();

/// A time of 0 is none.
Loop::Time after(Loop::Time start, std::chrono::milliseconds span) {
    return span == 0ms ? kNever : start + span;
}

}  // namespace

Relay::Relay(const Site& site, UniqueFd client, const net::Endpoint& from, std::shared_ptr<const Terms> terms)
    : site_(site),
      terms_(std::move(terms)),
      client_(*this),
      backend_(*this),
      opening_(std::make_unique<Opening>(from)),
      alarm_(site.around.loop, [this] { rang(); }),
      began_(site.around.loop.now()),
      active_(began_) {
    client_.line.fd = std::move(client);
}

void Relay::begin() {
    if (!site_.around.loop.watch(client_.line.fd.get(), client_)) {
        site_.host.ran_out();
        return end(true);
    }
    if (!terms_->settings.accept_header) return site_.host.seat(*this);
    phase_ = Phase::header;
    opening_->due = after(began_, terms_->settings.connect_timeout);
    set_alarm();
}

void Relay::heard(End& from, uint32_t events) {
    if (phase_ == Phase::over) return;
    const bool is_broken = events & EPOLLERR;
    auto& line = from.line;
    line.readable = line.readable || events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP);
    line.writable = line.writable || events & (EPOLLOUT | EPOLLHUP);
    line.is_ending = line.is_ending || events & (EPOLLRDHUP | EPOLLHUP);
    if (phase_ == Phase::calling && &from == &backend_) return answered(events);
    if (is_broken) return end(true);
    if (phase_ == Phase::carrying) return carry();
    if (events & EPOLLHUP) return end(true);
    if (phase_ == Phase::header && line.readable) read_header();
}

/// A turn that it has asked for.
void Relay::ready(uint32_t) {
    if (phase_ == Phase::carrying) carry();
}

/// What follows the header stays with the kernel, so the header is looked at first.
void Relay::read_header() {
    auto bytes = std::span(site_.bench.buffer).first(proto::kMostProxyHeader);
    const ssize_t got = ::recv(client_.line.fd.get(), bytes.data(), bytes.size(), MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return end(true);
    auto header = proto::read_proxy_header(bytes.first(static_cast<size_t>(got)));
    const bool is_bad = !header || (!*header && client_.line.is_ending);
    if (is_bad) return refuse(Reason::bad_header);
    if (!*header) return;
    ::recv(client_.line.fd.get(), nullptr, (*header)->size, MSG_TRUNC);
    if ((*header)->ends && !(*header)->is_local) {
        opening_->client = (*header)->ends->source;
        opening_->asked = (*header)->ends->destination;
    }
    opening_->due = kNever;
    phase_ = Phase::waiting;
    site_.host.seat(*this);
}

void Relay::go(Choice choice, std::shared_ptr<const Terms> terms, Room room) {
    phase_ = Phase::calling;
    terms_ = std::move(terms);
    room_ = std::move(room);
    opening_->route = std::move(choice.route);
    opening_->tried = {choice.target};
    call();
}

void Relay::call() {
    if (!call_one()) call_next();
}

/// Others, until one does not fail at once.
void Relay::call_next() {
    auto& tried = opening_->tried;
    do {
        std::optional<Choice> next;
        const bool may_try = opening_->calls <= terms_->settings.retries;
        if (may_try) next = site_.host.choose(opening_->route, opening_->client, tried);
        if (!next && may_try && site_.host.is_worth_waiting(*opening_->route)) return wait_again();
        if (!next) return refuse(Reason::connect_failed);
        opening_->route = std::move(next->route);
        tried.push_back(next->target);
    } while (!call_one());
}

/// False: that has failed already.
bool Relay::call_one() {
    auto& around = site_.around;
    const auto& settings = terms_->settings;
    const auto& route = *opening_->route;
    ++opening_->calls;
    const auto& target = route.targets[opening_->tried.back()];
    ledger_ = Ledger(route.tallies, target.tallies, around.worker);
    target_ = target.backend;

    std::optional<net::Ip> from;
    if (settings.transparent && opening_->client.address.family() == target.backend.address.family())
        from = opening_->client.address;
    auto first = settings.fast_open ? first_bytes() : std::span<const uint8_t>();
    auto call = call_tcp(target.backend, settings, from, first);
    opening_->early = call.early;
    const bool is_called = call.error == 0;
    if (!is_called && !is_out_of_resources(call.error)) {
        call_failed();
        return false;
    }
    backend_.line = {.fd = std::move(call.fd)};
    if (!is_called || !around.loop.watch(backend_.line.fd.get(), backend_)) {
        site_.host.ran_out();
        end(true);
        return true;
    }
    opening_->due = after(around.loop.now(), settings.connect_timeout);
    set_alarm();
    return true;
}

void Relay::call_failed() {
    backend_.line = {};
    ledger_.failed();
    ledger_ = {};
    target_.reset();
    site_.around.shared.on_failure();
}

/// As it did before it had a backend to call.
void Relay::wait_again() {
    phase_ = Phase::waiting;
    room_ = {};
    opening_->due = kNever;
    site_.host.seat(*this);
}

void Relay::answered(uint32_t events) {
    if (!(events & (EPOLLERR | EPOLLHUP))) return events & EPOLLOUT ? taken() : void();
    call_failed();
    call_next();
}

void Relay::taken() {
    ledger_.taken();
    const auto before = header();
    const auto said = std::min(opening_->early, before.size());
    if (said < before.size()) pump(Direction::to_backend).put(std::span(before).subspan(said));
    if (opening_->early > said) ::recv(client_.line.fd.get(), nullptr, opening_->early - said, MSG_TRUNC);
    opening_.reset();

    if (const auto pace = terms_->settings.connection_bandwidth) {
        paces_ = std::make_unique<std::array<Rate, 2>>();
        for (auto& rate : *paces_) rate.set(pace);
    }
    phase_ = Phase::carrying;
    active_ = site_.around.loop.now();
    set_alarm();
    carry();
}

/// That says to the backend who its client is.
std::vector<uint8_t> Relay::header() const {
    const auto version = terms_->settings.send_header;
    if (version == model::ProxyHeader::none) return {};
    auto asked = opening_->asked ? opening_->asked : local_endpoint(client_.line.fd.get());
    const proto::ProxyEnds ends{opening_->client, asked.value_or(net::Endpoint{})};
    return version == model::ProxyHeader::v1 ? proto::write_proxy_v1(ends)
                                             : proto::write_proxy_v2(ends, proto::ProxyTransport::stream);
}

/// To go with the SYN, if there is something. The client's own stay with the kernel until the backend has
/// them: another may have to be called.
std::span<const uint8_t> Relay::first_bytes() {
    auto& buffer = site_.bench.buffer;
    const auto before = header();
    std::ranges::copy(before, buffer.begin());
    auto behind = std::span(buffer).subspan(before.size());
    const ssize_t got = ::recv(client_.line.fd.get(), behind.data(), behind.size(), MSG_PEEK);
    return std::span(buffer).first(before.size() + static_cast<size_t>(std::max<ssize_t>(got, 0)));
}

void Relay::set_alarm() {
    const auto next = due();
    if (next == kNever || (alarm_.is_set() && alarm_due_ <= next)) return;
    alarm_due_ = next;
    alarm_.set(next);
}

Loop::Time Relay::due() const {
    if (phase_ == Phase::header || phase_ == Phase::calling) return opening_->due;
    if (phase_ != Phase::carrying) return kNever;
    const auto& settings = terms_->settings;
    return std::min({after(began_, settings.lifetime), after(active_, settings.idle_timeout), paced_});
}

/// Maybe too early: what moves on does not move the alarm.
void Relay::rang() {
    const auto now = site_.around.loop.now();
    if (now < due()) return set_alarm();
    if (phase_ == Phase::header) return refuse(Reason::bad_header);
    if (phase_ == Phase::calling) {
        call_failed();
        return call_next();
    }
    if (phase_ != Phase::carrying) return;
    if (now >= after(began_, terms_->settings.lifetime)) return refuse(Reason::lifetime);
    if (now >= after(active_, terms_->settings.idle_timeout)) return refuse(Reason::idle);
    paced_ = kNever;
    carry();
    if (phase_ == Phase::carrying) set_alarm();
}

void Relay::refuse(Reason reason) {
    site_.around.shared.count(reason);
    end(true);
}

void Relay::end(bool by_reset) {
    phase_ = Phase::over;
    alarm_.clear();
    for (auto& each : pumps_) each.close(site_.bench);
    for (auto* line : {&client_.line, &backend_.line}) {
        if (by_reset) reset(line->fd);
        line->fd.reset();
    }
    for (auto direction : {Direction::to_backend, Direction::to_client})
        site_.host.throttle(direction).leave(*this);
    ledger_ = {};
    room_ = {};
    target_.reset();
    site_.host.ended(*this);
}

}  // namespace weir::engine::proxy
