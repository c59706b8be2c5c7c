// For the tests of probes: a server on loopback that a test scripts, and the way to it.
#pragma once

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <optional>

#include "base/fake_clock.h"
#include "health/probe.h"
#include "net/answer.h"

namespace weir::health {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using net::kAnswer;

/// Leads to one local port whatever the target, and keeps a record.
class LocalPath : public Path {
  public:
    net::Opened open(const model::TargetKey& target, net::Carrier carrier, net::Port port) override {
        asked = {target.frontend.vip, port};
        if (refusal) return std::unexpected(*refusal);
        int type = carrier == net::Carrier::tcp ? SOCK_STREAM : SOCK_DGRAM;
        UniqueFd fd(
            ::socket(to.address.is_v4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) return fail_with(errno, "cannot open a socket");
        int number = fd.get();
        opened++;
        return net::Passage(std::move(fd), to, [this, number] {
            undone++;
            closed_before_undone = fcntl(number, F_GETFD) == -1;
        });
    }

    net::Endpoint to;
    net::Endpoint asked;
    std::optional<net::NoPassage> refusal;
    int opened = 0;
    int undone = 0;
    bool closed_before_undone = false;
};

inline asio::awaitable<void> read_request(tcp::socket& client, std::string& request) {
    char bytes[1024];
    while (!request.ends_with("\r\n\r\n")) {
        auto [code, count] = co_await client.async_read_some(asio::buffer(bytes), kAnswer);
        if (code) break;
        request.append(bytes, count);
    }
}

/// Reads until the client goes, and says how it went.
inline asio::awaitable<void> wait_for_close(tcp::socket& client,
                                            std::optional<boost::system::error_code>& end) {
    char bytes[1024];
    while (!end) {
        auto [code, count] = co_await client.async_read_some(asio::buffer(bytes), kAnswer);
        if (code) end = code;
    }
}

class Probe : public testing::Test {
  protected:
    using Behaviour = std::function<asio::awaitable<void>(tcp::socket&)>;

    /// A server on loopback that treats its one client as `behaviour` says.
    void serve(Behaviour behaviour, const char* address = "127.0.0.1") {
        listen(address);
        asio::co_spawn(context_, accept_one(&*acceptor_, std::move(behaviour)), asio::detached);
    }

    void listen(const char* address = "127.0.0.1") {
        acceptor_.emplace(context_, tcp::endpoint(asio::ip::make_address(address), 0));
        path_.to = {*net::Ip::parse(address), net::Port(acceptor_->local_endpoint().port())};
    }

    /// Answers every client with `text` once its whole request is there, and says no more.
    void answer(std::string text) {
        serve([this, text = std::move(text)](tcp::socket& client) -> asio::awaitable<void> {
            co_await read_request(client, request_);
            clock_.pass(kThought);
            co_await asio::async_write(client, asio::buffer(text), kAnswer);
            co_await fall_silent(client);
        });
    }

    Outcome run(const model::Check& check) {
        std::optional<Outcome> outcome;
        asio::co_spawn(context_, probe(check, target_, path_, clock_),
                       [&](const std::exception_ptr& thrown, Result<Outcome> result) {
                           EXPECT_FALSE(thrown);
                           not_probed_ = result ? "" : result.error().message;
                           outcome = result.value_or(Outcome{});
                       });
        EXPECT_TRUE(clock_.run_until([&outcome] { return outcome.has_value(); })) << "the probe did not end";
        EXPECT_EQ(path_.undone, path_.opened);
        EXPECT_EQ(path_.closed_before_undone, path_.opened > 0);
        return outcome.value_or(Outcome{});
    }

    std::string message(const model::Check& check) { return run(check).message; }

    model::Check http(model::HttpCheck kind = {}) { return {.kind = std::move(kind), .timeout = 5s}; }

    /// Once all that was sent has arrived, nothing more comes.
    asio::awaitable<void> fall_silent(tcp::socket& client) {
        while (is_sending(client)) co_await asio::post(context_, asio::use_awaitable);
        clock_.silence();
        co_await wait_for_close(client, client_end_);
    }

    static constexpr auto kThought = 3s;  // before an answer
    asio::io_context context_;
    FakeClock clock_{context_};
    LocalPath path_;
    model::TargetKey target_{{*net::Ip::parse("192.0.2.1"), net::Port(80), model::Protocol::tcp},
                             *net::Ip::parse("192.0.2.10")};
    std::optional<tcp::acceptor> acceptor_;
    std::string request_;
    std::optional<boost::system::error_code> client_end_;
    std::string not_probed_;  // why; "" when it was
    const model::Check tcp_{.kind = model::TcpCheck{}, .timeout = 5s};

  private:
    static bool is_sending(tcp::socket& client) {
        tcp_info info{};
        socklen_t size = sizeof info;
        return getsockopt(client.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
               info.tcpi_state == TCP_ESTABLISHED && info.tcpi_unacked > 0;
    }

    static asio::awaitable<void> accept_one(tcp::acceptor* acceptor, Behaviour behaviour) {
        auto [code, client] = co_await acceptor->async_accept(kAnswer);
        if (!code) co_await behaviour(client);
    }
};

}  // namespace weir::health
