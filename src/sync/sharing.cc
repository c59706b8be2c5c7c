#include "sync/sharing.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <stdexcept>
#include <tuple>

namespace weir::sync {
namespace {

constexpr auto kLook = std::chrono::seconds(1);  // at the interface

uint64_t random_number() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number)
        throw std::runtime_error("the kernel gives no random numbers");
    return number;
}

bool same_sockets(const model::Sync& a, const model::Sync& b) {
    auto family = [](const model::Sync& sync) {
        return sync.peers.empty() || !sync.peers.front().address.is_v4();
    };
    return std::tie(a.group, a.interface, a.listen) == std::tie(b.group, b.interface, b.listen) &&
           (a.group || family(a) == family(b));
}

}  // namespace

/// The member's way, which stays when the sockets do not.
class Sharing::Line final : public Transport {
  public:
    Sending send(const net::Endpoint& to, std::span<const uint8_t> datagram) override {
        return socket ? socket->send(to, datagram) : Sending::failed;
    }
    size_t receive(size_t most, const Take& take) override {
        return socket ? socket->receive(most, take) : 0;
    }
    void close() {
        if (socket) dropped_before += socket->dropped_total();
        socket.reset();
    }
    uint64_t dropped_total() const { return dropped_before + (socket ? socket->dropped_total() : 0); }

    std::unique_ptr<Socket> socket;
    uint64_t dropped_before = 0;
    std::string error;  // why there is none
};

Sharing::Sharing(const boost::asio::any_io_executor& executor, OnNews on_news, std::function<void()> on_rank)
    : timer_(executor), on_news_(std::move(on_news)), on_rank_(std::move(on_rank)) {}

Sharing::~Sharing() = default;

Status Sharing::set(const model::Config& config) {
    const auto former = std::exchange(settings_, config.sync);
    if (settings_.keys.empty() || !store_) {
        stop();
        return {};
    }
    const bool begins = !member_;
    if (begins) {
        line_ = std::make_unique<Line>();
        member_ = std::make_unique<Member>(random_number(), *store_, *line_, random_number, on_news_);
    }
    member_->set(settings_, config.node_address);
    member_->stand(ready_);
    if (begins) step_later();
    if (line_->socket && same_sockets(former, settings_)) return {};
    return open();
}

Status Sharing::open() {
    line_->close();
    auto opened = Socket::open(settings_);
    line_->error = opened ? "" : opened.error().message;
    if (!opened) return propagate(opened);
    line_->socket = std::move(*opened);
    return {};
}

void Sharing::stop(bool silent) {
    if (!member_) return;
    if (!silent) member_->leave(std::chrono::steady_clock::now());
    timer_.cancel();
    member_.reset();
    line_.reset();
}

void Sharing::step_later() {
    timer_.expires_after(Member::kStep);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (!error && !alive.expired() && member_) step();
    });
}

void Sharing::step() {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_look_) look_after_socket(now);
    member_->step(now);
    step_later();
    const bool outranked = is_outranked();
    if (std::exchange(was_outranked_, outranked) != outranked && on_rank_) on_rank_();
}

bool Sharing::knows_flows() const {
    return !member_ || member_->knows_flows(std::chrono::steady_clock::now());
}

void Sharing::stand(bool ready) {
    ready_ = ready;
    if (member_) member_->stand(ready);
}

/// An interface may go and come back as another one.
void Sharing::look_after_socket(Time now) {
    next_look_ = now + kLook;
    if (line_->socket && line_->socket->is_current(settings_)) return;
    const auto former = line_->error;
    if (auto opened = open(); !opened && opened.error().message != former)
        spdlog::warn("no flows are shared: {}", opened.error().message);
}

Report Sharing::report() const {
    Report report;
    report.enabled = !settings_.keys.empty();
    if (!report.enabled) return report;
    report.speaks_to = everybody_in(settings_);
    if (!member_) {
        report.error = "this datapath's flows cannot be shared";
        return report;
    }
    member_->report_to(report, std::chrono::steady_clock::now());
    report.dropped_total = line_->dropped_total();
    report.error = line_->error;
    if (!line_->socket) return report;
    report.listening = line_->socket->listening();
    if (report.error.empty()) report.error = line_->socket->trouble();
    return report;
}

}  // namespace weir::sync
