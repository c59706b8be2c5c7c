#include "bench/datagram_load.h"

#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "bench/stream_load.h"
#include "lab/failure.h"
#include "lab/wait.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBurst = 8;
constexpr auto kLost = 50ms;  // so late, no answer comes any more

UniqueFd connect_to(const net::Endpoint& to) {
    UniqueFd socket(
        lab::check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "cannot open a socket"));
    const auto address = net::to_socket_address(to);
    lab::check(::connect(socket.get(), address.get(), address.size), "cannot connect to {}", to.text());
    return socket;
}

/// One datagram, many times.
class Burst {
  public:
    Burst() {
        for (auto& message : messages_) {
            message.msg_hdr.msg_iov = &content_;
            message.msg_hdr.msg_iovlen = 1;
        }
    }
    /// A full buffer is no failure; who refuses says so to the next.
    void send(int socket) {
        if (::sendmmsg(socket, messages_.data(), kBurst, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
            lab::give_up("cannot send: {}", std::strerror(errno));
    }

  private:
    std::array<char, kExchanged> bytes_{};
    iovec content_{bytes_.data(), bytes_.size()};
    std::array<mmsghdr, kBurst> messages_{};
};

/// One session, with one question at a time: numbered, as answers may come too late.
struct Asker {
    UniqueFd socket;
    uint64_t number = 0;
    Meter::Time asked{};

    void ask(Meter::Time now) {
        std::array<char, kExchanged> question{};
        ++number;
        std::memcpy(question.data(), &number, sizeof number);
        asked = now;
        if (::send(socket.get(), question.data(), question.size(), 0) < 0 && errno != EAGAIN)
            lab::give_up("cannot send: {}", std::strerror(errno));
    }
    bool is_answered() {
        std::array<char, kExchanged> answer;
        const auto got = ::recv(socket.get(), answer.data(), answer.size(), 0);
        if (got < 0 && errno != EAGAIN) lab::give_up("no answer: {}", std::strerror(errno));
        return got == kExchanged && std::memcmp(answer.data(), &number, sizeof number) == 0;
    }
};

}  // namespace

double flood(const net::Endpoint& to, size_t sessions, const Span& span,
             const std::function<uint64_t()>& arrived) {
    std::vector<UniqueFd> sockets;
    sockets.reserve(sessions);
    for (size_t i = 0; i < sessions; ++i) sockets.push_back(connect_to(to));
    Burst burst;
    Meter meter(span);
    for (size_t next = 0; meter.goes_on(arrived()); next = (next + 1) % sessions) {
        lab::throw_if_interrupted();
        burst.send(sockets[next].get());
    }
    return meter.per_second();
}

DatagramExchanges exchange_datagrams(const net::Endpoint& with, size_t sessions, const Span& span) {
    Watch watch;
    std::vector<Asker> askers;
    for (size_t i = 0; i < sessions; ++i) {
        askers.push_back({connect_to(with)});
        watch.add(askers[i].socket.get(), EPOLLIN, i);
    }
    uint64_t done = 0, lost = 0;
    Meter meter(span);
    for (auto& asker : askers) asker.ask(meter.now());
    for (auto looked = meter.now(); meter.goes_on(done);) {
        for (const auto& event : watch.wait(10ms)) {
            auto& asker = askers[event.data.u64];
            if (!asker.is_answered()) continue;
            ++done;
            asker.ask(meter.now());
        }
        if (meter.now() - looked < kLost) continue;
        looked = meter.now();
        for (auto& asker : askers) {
            if (looked - asker.asked < kLost) continue;
            lost += meter.counts();
            asker.ask(looked);
        }
    }
    const auto missed = static_cast<double>(lost);
    return {meter.per_second(), missed / std::max(meter.done() + missed, 1.0)};
}

}  // namespace weir::bench
