// For tests of the UDP proxy: a worker's loop in a thread of its own, backends that answer with their name in
// front, clients with sockets of their own. All on the loopback addresses.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/proxy/descriptors_fixture.h"
#include "engine/proxy/front.h"

namespace weir::engine::proxy {

using namespace std::chrono_literals;

inline net::Endpoint endpoint(const std::string& text) {
    return net::Endpoint::parse(text).value();
}

inline bool eventually(const std::function<bool()>& holds) {
    for (const auto end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end;) {
        if (holds()) return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

/// A bound UDP socket.
class UdpPeer {
  public:
    /// Port 1 stands for any.
    explicit UdpPeer(const net::Endpoint& at, bool shared = false)
        : fd(::socket(at.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const int on = 1, room = 8 << 20;
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (shared) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
            ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        auto name =
            net::to_socket_address(at.port.value() == 1 ? net::Endpoint{at.address, net::Port(0)} : at);
        EXPECT_EQ(::bind(fd.get(), name.get(), name.size), 0) << at.text() << ": " << std::strerror(errno);
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
        address = net::from_socket_address(bound).value();
    }

    void connect(const net::Endpoint& to) const {
        auto name = net::to_socket_address(to);
        EXPECT_EQ(::connect(fd.get(), name.get(), name.size), 0);
    }
    /// To where it is connected. False: an error, which is errno.
    bool send(const std::string& text) const {
        return ::send(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
    }
    void send_to(const std::string& text, const net::Endpoint& to) const {
        auto name = net::to_socket_address(to);
        ::sendto(fd.get(), text.data(), text.size(), 0, name.get(), name.size);
    }
    /// Nothing where none comes, or where an error does: that is errno.
    std::optional<std::string> receive(std::chrono::milliseconds limit = 30s,
                                       net::Endpoint* from = nullptr) const {
        pollfd wanted{.fd = fd.get(), .events = POLLIN, .revents = 0};
        errno = 0;
        if (::poll(&wanted, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
        std::string text(65536, '\0');
        sockaddr_storage source{};
        socklen_t size = sizeof source;
        const auto count = ::recvfrom(fd.get(), text.data(), text.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&source), &size);
        if (count < 0) return std::nullopt;
        if (from) *from = net::from_socket_address(source).value();
        text.resize(static_cast<size_t>(count));
        return text;
    }

    UniqueFd fd;
    net::Endpoint address;
};

/// Answers each datagram with its name, as long as there is room, and what came.
class EchoBackend {
  public:
    explicit EchoBackend(std::string name, const std::string& at = "127.0.0.1:1", unsigned answers = 1)
        : name_(std::move(name)), answers_(answers), peer_(std::in_place, endpoint(at)) {
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
        address = peer_->address;
    }

    net::Endpoint address;
    std::atomic<size_t> received{0};
    std::atomic<size_t> last_port{0};

  private:
    void serve(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            net::Endpoint client;
            auto text = peer_->receive(20ms, &client);
            if (!text) continue;
            ++received;
            last_port = client.port.value();
            for (unsigned i = 0; i < answers_; ++i)
                peer_->send_to(text->size() + name_.size() <= 65507 ? name_ + *text : *text, client);
        }
    }

    std::string name_;
    unsigned answers_;
    std::optional<UdpPeer> peer_;
    std::jthread thread_;
};

/// One worker of one UDP frontend, on a port that was free.
class UdpProxy {
  public:
    explicit UdpProxy(const std::string& vip = "127.0.0.1:1") {
        route.key = {.vip = endpoint(vip).address,
                     .port = UdpPeer(endpoint(vip)).address.port,
                     .protocol = model::Protocol::udp};
        route.service = "dns";
        route.settings.udp_timeout = 1h;
        route.scheduler = model::SchedulerKind::rr;
        route.tallies = std::make_shared<Tallies>(1);
        route.budget = std::make_shared<Budget>();
    }
    ~UdpProxy() { stop(); }

    void add(const net::Endpoint& backend) {
        route.targets.push_back({.backend = backend, .weight = 1, .tallies = std::make_shared<Tallies>(1)});
    }
    void start() {
        loop = Loop::make().value();
        thread = std::jthread([this] { loop->run(); });
        in_loop([this] {
            auto opened = open_udp({*loop, worker, shared}, std::make_shared<Route>(route));
            ASSERT_TRUE(opened) << opened.error().message;
            front = std::move(*opened);
        });
    }
    void set() {
        in_loop([this] { front->set(std::make_shared<Route>(route)); });
    }
    void in_loop(const std::function<void()>& call) const {
        std::promise<void> done;
        loop->post([&] {
            call();
            done.set_value();
        });
        done.get_future().wait();
    }
    void stop() {
        if (!loop) return;
        in_loop([this] { front.reset(); });
        loop->stop();
        thread.join();
        loop.reset();
    }

    net::Endpoint address() const { return {route.key.vip, route.key.port}; }
    UdpPeer client(const std::string& at = "127.0.0.1:1") const {
        UdpPeer peer(endpoint(at));
        peer.connect(address());
        return peer;
    }
    uint64_t refused(Reason reason) const { return shared.refused[static_cast<size_t>(reason)]; }
    uint64_t sessions() const { return route.tallies->active(); }
    const Tally& of(size_t target) const { return route.targets[target].tallies->by_worker[0]; }

    Route route;
    size_t worker = 0;
    Shared shared;
    std::unique_ptr<Loop> loop;
    std::unique_ptr<Front> front;
    std::jthread thread;
};

}  // namespace weir::engine::proxy
