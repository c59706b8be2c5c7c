// A TCP front in a loop of its own, between a client and a backend that are the test's own sockets.
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/proxy/descriptors_fixture.h"
#include "engine/proxy/tcp_front.h"
#include "engine/proxy/tcp_socket.h"

namespace weir::engine::proxy {

using namespace std::chrono_literals;

/// Asks again until it holds, for no longer than a test may take.
template <class Condition>
bool holds_soon(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// Bytes that differ from place to place, and with the seed.
inline std::string some_bytes(size_t size, uint32_t seed = 1) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) {
        seed = seed * 1664525 + 1013904223;
        byte = static_cast<char>(seed >> 24);
    }
    return bytes;
}

/// A socket that blocks, though not for ever.
class Peer {
  public:
    Peer() = default;
    explicit Peer(int socket) : fd_(socket) {
        const timeval limit{.tv_sec = 30, .tv_usec = 0};
        ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    static Peer to(const net::Endpoint& there, const std::optional<net::Ip>& from = {}) {
        auto address = net::to_socket_address(there);
        Peer peer(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (from) {
            auto mine = net::to_socket_address({*from, net::Port(0)});
            EXPECT_EQ(::bind(peer.get(), mine.get(), mine.size), 0);
        }
        EXPECT_EQ(::connect(peer.get(), address.get(), address.size), 0) << std::strerror(errno);
        return peer;
    }

    int get() const { return fd_.get(); }
    bool say(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
        return true;
    }
    /// So many bytes, or what comes before the end.
    std::string hear(size_t size) const {
        std::string bytes(size, '\0');
        size_t got = 0;
        while (got < size) {
            const ssize_t more = ::recv(get(), bytes.data() + got, size - got, 0);
            if (more <= 0) break;
            got += static_cast<size_t>(more);
        }
        bytes.resize(got);
        return bytes;
    }
    /// 0 at an end (FIN), else an errno: ECONNRESET after an RST. -1 where there are bytes.
    int how_it_ends() const {
        char byte = 0;
        const ssize_t got = ::recv(get(), &byte, 1, 0);
        return got < 0 ? errno : got == 0 ? 0 : -1;
    }
    void end() const { ::shutdown(get(), SHUT_WR); }
    void reset() { proxy::reset(fd_); }
    void close() { fd_.reset(); }

  private:
    UniqueFd fd_;
};

/// That listens on a port of its own.
class Backend {
  public:
    explicit Backend(std::string_view address = "127.0.0.1", int backlog = 4096) {
        auto at = net::to_socket_address({*net::Ip::parse(address), net::Port(0)});
        listener_ = Peer(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(listener_.get(), at.get(), at.size), 0);
        EXPECT_EQ(::listen(listener_.get(), backlog), 0);
    }
    int get() const { return listener_.get(); }
    net::Endpoint endpoint() const { return *local_endpoint(listener_.get()); }
    Peer accept() const { return Peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
    bool is_called() const {
        pollfd waits{.fd = listener_.get(), .events = POLLIN, .revents = 0};
        return ::poll(&waits, 1, 0) == 1;
    }

  private:
    Peer listener_;
};

class TcpFrontTest : public testing::Test {
  protected:
    template <class Call>
    auto in_loop(Call call) {
        std::promise<decltype(call())> result;
        loop->post([&] {
            if constexpr (std::is_void_v<decltype(call())>) {
                call();
                result.set_value();
            } else {
                result.set_value(call());
            }
        });
        return result.get_future().get();
    }

    void SetUp() override {
        descriptors_ = open_descriptors();
        loop = std::move(*Loop::make());
        thread_ = std::jthread([this] { loop->run(); });
        route.key.vip = *net::Ip::parse("127.0.0.1");
        route.key.port = net::Port(0);
        route.table = std::make_shared<const std::vector<uint32_t>>(1, 0);  // first the first target
        route.tallies = std::make_shared<Tallies>(1);
        route.budget = std::make_shared<Budget>();
    }

    /// Whatever has happened: nothing is left of it.
    void TearDown() override {
        if (front) in_loop([&] { front.reset(); });
        EXPECT_EQ(in_loop([] { return Workbench::of_this_thread()->pipes.out(); }), 0U);
        keeps_bench_.reset();
        loop->stop();
        thread_.join();
        loop.reset();
        EXPECT_EQ(shared.connections, 0U);
        EXPECT_EQ(route.budget->connections, 0U);
        EXPECT_EQ(route.tallies->active(), 0U);
        for (const auto& target : route.targets) EXPECT_EQ(target.tallies->active(), 0U);
        EXPECT_EQ(open_descriptors(), descriptors_);
    }

    void add(const net::Endpoint& backend) {
        Target target;
        target.backend = backend;
        target.weight = 1;
        target.tallies = std::make_shared<Tallies>(1);
        route.targets.push_back(target);
    }
    void open() {
        auto opened = in_loop([&] {
            keeps_bench_ = Workbench::of_this_thread();
            return TcpFront::open(Around{*loop, 0, shared}, std::make_shared<const Route>(route));
        });
        ASSERT_TRUE(opened) << opened.error().message;
        front = std::move(*opened);
        where = *in_loop([&] { return front->bound(); });
    }
    /// A backend alone, and the front before it.
    void open_before(const Backend& backend) {
        add(backend.endpoint());
        open();
    }
    void set() {
        in_loop([&] { front->set(std::make_shared<const Route>(route)); });
    }
    size_t connections() {
        return in_loop([&] { return front->connections(); });
    }
    size_t waiting() {
        return in_loop([&] { return front->waiting(); });
    }
    uint64_t refused(Reason reason) const { return shared.refused[static_cast<size_t>(reason)]; }
    const Tally& tally(size_t target) const { return route.targets.at(target).tallies->by_worker[0]; }

    Shared shared;
    Route route;
    std::unique_ptr<Loop> loop;
    std::unique_ptr<TcpFront> front;
    net::Endpoint where;

  private:
    std::shared_ptr<Workbench> keeps_bench_;
    size_t descriptors_ = 0;
    std::jthread thread_;
};

}  // namespace weir::engine::proxy
