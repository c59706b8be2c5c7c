#include "bench/proxy_backend.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <unordered_map>
#include <vector>

#include "bench/measure.h"
#include "bench/watch.h"
#include "lab/failure.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kBacklog = 4096;
constexpr int kUdpBuffer = 8 << 20;  // bytes: what is lost is lost before it
constexpr size_t kBatch = 64;
constexpr size_t kLongest = 2048;  // bytes of a datagram
constexpr size_t kChunk = 256 << 10;
constexpr size_t kEchoed = 64 << 10;

UniqueFd open_socket(int type, net::Port port) {
    UniqueFd socket(
        lab::check(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "cannot open a socket"));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto address = net::to_socket_address({net::Ip::v4({0, 0, 0, 0}), port});
    lab::check(::bind(socket.get(), address.get(), address.size), "cannot bind port {}", port.value());
    if (type == SOCK_STREAM)
        lab::check(::listen(socket.get(), kBacklog), "cannot listen on port {}", port.value());
    else
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kUdpBuffer, sizeof kUdpBuffer);
    return socket;
}

/// Datagrams that are received, and sent back, many at a time.
class Batch {
  public:
    Batch() : bytes_(kBatch * kLongest), messages_(kBatch), contents_(kBatch), senders_(kBatch) {
        for (size_t i = 0; i < kBatch; ++i) {
            contents_[i] = {&bytes_[i * kLongest], kLongest};
            auto& header = messages_[i].msg_hdr;
            header.msg_iov = &contents_[i];
            header.msg_iovlen = 1;
            header.msg_name = &senders_[i];
        }
    }
    int receive(int socket) {
        for (size_t i = 0; i < kBatch; ++i) {
            contents_[i].iov_len = kLongest;
            messages_[i].msg_hdr.msg_namelen = sizeof senders_[i];
        }
        return ::recvmmsg(socket, messages_.data(), kBatch, 0, nullptr);
    }
    void send_back(int socket, int count) {
        for (int i = 0; i < count; ++i)
            contents_[static_cast<size_t>(i)].iov_len = messages_[static_cast<size_t>(i)].msg_len;
        for (int sent = 0; sent < count;) {
            const int now = ::sendmmsg(socket, &messages_[static_cast<size_t>(sent)],
                                       static_cast<unsigned>(count - sent), 0);
            sent += std::max(now, 1);  // one that cannot be sent is left out
        }
    }

  private:
    std::vector<char> bytes_;
    std::vector<mmsghdr> messages_;
    std::vector<iovec> contents_;
    std::vector<sockaddr_in> senders_;
};

class Server {
  public:
    explicit Server(std::atomic<uint64_t>& counted) : counted_(counted), chunk_(kChunk), echoed_(kEchoed) {
        for (const auto* socket : {&bulk_, &echo_, &count_, &answer_})
            watch_.add(socket->get(), EPOLLIN, static_cast<uint64_t>(socket->get()));
    }

    [[noreturn]] void run() {
        for (;;)
            for (const auto& event : watch_.wait(1000ms)) ready(static_cast<int>(event.data.u64));
    }

  private:
    void ready(int descriptor) {
        if (descriptor == bulk_.get()) return accept(bulk_, EPOLLOUT);
        if (descriptor == echo_.get()) return accept(echo_, EPOLLIN);
        if (descriptor == count_.get()) return count();
        if (descriptor == answer_.get()) return answer();
        const auto found = connections_.find(descriptor);
        if (found == connections_.end()) return;
        if (!(found->second.sends ? send(descriptor) : echo(descriptor))) connections_.erase(found);
    }
    void accept(const UniqueFd& listener, uint32_t events) {
        for (;;) {
            UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!socket) return;
            const int on = 1, descriptor = socket.get();
            ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            watch_.add(descriptor, events, static_cast<uint64_t>(descriptor));
            connections_.emplace(descriptor, Connection{std::move(socket), events == EPOLLOUT});
        }
    }
    /// Once, so that all streams get their turn. False at the end.
    bool send(int descriptor) {
        return ::send(descriptor, chunk_.data(), chunk_.size(), MSG_NOSIGNAL) > 0 || errno == EAGAIN;
    }
    bool echo(int descriptor) {
        const auto got = ::recv(descriptor, echoed_.data(), echoed_.size(), 0);
        if (got < 0) return errno == EAGAIN;
        return got > 0 && ::send(descriptor, echoed_.data(), static_cast<size_t>(got), MSG_NOSIGNAL) == got;
    }
    void count() {
        const int got = batch_.receive(count_.get());
        if (got > 0) counted_.fetch_add(static_cast<uint64_t>(got), std::memory_order_relaxed);
    }
    void answer() {
        const int got = batch_.receive(answer_.get());
        if (got > 0) batch_.send_back(answer_.get(), got);
    }

    struct Connection {
        UniqueFd socket;
        bool sends;
    };

    UniqueFd bulk_ = open_socket(SOCK_STREAM, kBulkPort);
    UniqueFd echo_ = open_socket(SOCK_STREAM, kEchoPort);
    UniqueFd count_ = open_socket(SOCK_DGRAM, kCountPort);
    UniqueFd answer_ = open_socket(SOCK_DGRAM, kAnswerPort);
    std::atomic<uint64_t>& counted_;
    Watch watch_;
    Batch batch_;
    std::vector<char> chunk_, echoed_;
    std::unordered_map<int, Connection> connections_;
};

}  // namespace

ProxyBackend::ProxyBackend(lab::Host& host, int cpu) {
    void* shared =
        ::mmap(nullptr, sizeof *counted_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) lab::give_up("no memory for a counter: {}", std::strerror(errno));
    counted_ = new (shared) std::atomic<uint64_t>(0);
    OnCpu there(cpu);
    process_.emplace(host, [this]() -> int { Server(*counted_).run(); });
}

ProxyBackend::~ProxyBackend() {
    process_.reset();
    ::munmap(counted_, sizeof *counted_);
}

}  // namespace weir::bench
