#include "bench/stream_load.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "bench/measure.h"
#include "lab/failure.h"
#include "lab/wait.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kTurn = 100ms;
constexpr timeval kPatience{5, 0};  // for one connection, one answer
constexpr size_t kTaken = 4 << 20;  // bytes of bulk by one call
constexpr std::array<char, kExchanged> kQuestion{};

UniqueFd open_socket(int more = 0) {
    UniqueFd socket(
        lab::check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | more, 0), "cannot open a socket"));
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

/// Calls that wait do so no longer than kPatience.
UniqueFd connect_to(const net::Endpoint& to) {
    auto socket = open_socket();
    for (const int which : {SO_SNDTIMEO, SO_RCVTIMEO})
        ::setsockopt(socket.get(), SOL_SOCKET, which, &kPatience, sizeof kPatience);
    const auto address = net::to_socket_address(to);
    lab::check(::connect(socket.get(), address.get(), address.size), "cannot connect to {}", to.text());
    return socket;
}

void ask(int socket) {
    if (::send(socket, kQuestion.data(), kExchanged, MSG_NOSIGNAL) != kExchanged)
        lab::give_up("cannot send: {}", std::strerror(errno));
}

/// How many of an answer's bytes have come; 0: none yet.
size_t take(int socket, size_t wanted) {
    std::array<char, kExchanged> answer;
    const auto got = ::recv(socket, answer.data(), wanted, 0);
    if (got == 0) lab::give_up("a connection was closed before its answer had come");
    if (got < 0 && errno != EAGAIN) lab::give_up("a connection broke: {}", std::strerror(errno));
    return got < 0 ? 0 : static_cast<size_t>(got);
}

/// One connection after another.
class Visitor {
  public:
    Visitor(const net::Endpoint& to, Watch& watch, uint64_t number)
        : to_(to), watch_(watch), number_(number) {
        begin();
    }

    /// Whether that was the end of a connection; the next has begun.
    bool ready(uint32_t events) {
        if (!has_asked_) {
            look_for_error();
            if (!(events & EPOLLOUT)) return false;
            ask(socket_.get());
            has_asked_ = true;
        }
        if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return false;
        left_ -= take(socket_.get(), left_);
        if (left_ > 0) return false;
        begin();
        return true;
    }

  private:
    void begin() {
        socket_ = open_socket(SOCK_NONBLOCK);
        has_asked_ = false;
        left_ = kExchanged;
        const auto address = net::to_socket_address(to_);
        if (::connect(socket_.get(), address.get(), address.size) < 0 && errno != EINPROGRESS)
            lab::give_up("cannot connect to {}: {}", to_.text(), std::strerror(errno));
        // By edges: connected, and answered. So it costs one call.
        watch_.add(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLET, number_);
    }
    void look_for_error() {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) lab::give_up("cannot connect to {}: {}", to_.text(), std::strerror(error));
    }

    net::Endpoint to_;
    Watch& watch_;
    uint64_t number_;
    UniqueFd socket_;
    bool has_asked_ = false;
    size_t left_ = 0;
};

struct Talker {
    UniqueFd socket;
    Meter::Time asked{};
    size_t left = kExchanged;

    void begin() {
        ask(socket.get());
        asked = std::chrono::steady_clock::now();
        left = kExchanged;
    }
};

}  // namespace

Bulk pull(const net::Endpoint& from, size_t streams, const Span& span, std::function<double()> cost) {
    Watch watch;
    std::vector<UniqueFd> sockets;
    for (size_t i = 0; i < streams; ++i) {
        sockets.push_back(connect_to(from));
        watch.add(sockets.back().get(), EPOLLIN, i);
    }
    uint64_t bytes = 0;
    Meter meter(span, std::move(cost));
    std::vector<char> nowhere(kTaken);
    while (meter.goes_on(bytes))
        for (const auto& event : watch.wait(kTurn)) {
            // Thrown away where it is (tcp(7)), so that the client's core is not what is measured.
            const auto got =
                ::recv(sockets[event.data.u64].get(), nowhere.data(), kTaken, MSG_TRUNC | MSG_DONTWAIT);
            if (got == 0) lab::give_up("{}: a stream has ended", from.text());
            if (got < 0 && errno != EAGAIN)
                lab::give_up("{}: a stream broke: {}", from.text(), std::strerror(errno));
            if (got > 0) bytes += static_cast<uint64_t>(got);
        }
    return {meter.per_second() * 8 / 1e9, meter.cost() / (meter.done() / 1e9)};
}

double connect_again(const net::Endpoint& to, size_t at_once, const Span& span) {
    Watch watch;
    std::vector<Visitor> visitors;
    visitors.reserve(at_once);
    for (size_t i = 0; i < at_once; ++i) visitors.emplace_back(to, watch, i);
    uint64_t done = 0;
    Meter meter(span);
    while (meter.goes_on(done))
        for (const auto& event : watch.wait(kTurn)) done += visitors[event.data.u64].ready(event.events);
    return meter.per_second();
}

Exchanges exchange(const net::Endpoint& with, size_t connections, const Span& span) {
    Watch watch;
    std::vector<Talker> talkers;
    for (size_t i = 0; i < connections; ++i) {
        talkers.push_back({connect_to(with)});
        watch.add(talkers[i].socket.get(), EPOLLIN, i);
    }
    uint64_t done = 0;
    std::vector<double> times;
    Meter meter(span);
    for (auto& talker : talkers) talker.begin();
    while (meter.goes_on(done))
        for (const auto& event : watch.wait(kTurn)) {
            auto& talker = talkers[event.data.u64];
            talker.left -= take(talker.socket.get(), talker.left);
            if (talker.left > 0) continue;
            const std::chrono::duration<double, std::micro> time =
                std::chrono::steady_clock::now() - talker.asked;
            if (meter.counts()) times.push_back(time.count());
            ++done;
            talker.begin();
        }
    return {meter.per_second(), quantile(times, .5), quantile(times, .99)};
}

std::vector<UniqueFd> connect_idle(const net::Endpoint& to, size_t connections) {
    std::vector<UniqueFd> sockets;
    for (size_t i = 0; i < connections; ++i) {
        lab::throw_if_interrupted();
        sockets.push_back(connect_to(to));
        ask(sockets.back().get());
        for (size_t left = kExchanged; left > 0;) {
            const auto got = take(sockets.back().get(), left);
            if (got == 0) lab::give_up("{}: no answer on connection {}", to.text(), i + 1);
            left -= got;
        }
    }
    return sockets;
}

}  // namespace weir::bench
