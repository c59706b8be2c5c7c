#include "lab/load.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string_view>

#include "lab/tcp.h"
#include "net/answer.h"

namespace weir::lab {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n";

tcp::endpoint to_asio(const net::Endpoint& endpoint) {
    return {asio::ip::make_address(endpoint.address.text()), endpoint.port.value()};
}

Answer finished(Clock::time_point started, error_code error, const std::string& received) {
    if (error && error != asio::error::eof) return {started, Clock::now(), false, error.message()};
    Result<std::string> body = body_of(received);
    return {started, Clock::now(), body.has_value(), body ? *body : body.error().message};
}

asio::awaitable<Answer> ask(tcp::endpoint to, Duration limit) {
    const auto started = Clock::now();
    const auto executor = co_await asio::this_coro::executor;
    const auto socket =
        std::make_shared<tcp::socket>(executor);  // shared with a time-out that may be on its way
    asio::steady_timer timer(executor, limit);
    timer.async_wait([socket](error_code cancelled) {
        error_code ignored;
        if (!cancelled) socket->close(ignored);
    });
    std::string received;
    auto [error] = co_await socket->async_connect(to, net::kAnswer);
    if (!error) {
        auto [sent, size] = co_await asio::async_write(*socket, asio::buffer(kRequest), net::kAnswer);
        error = sent;
    }
    if (!error) {
        auto [read, size] = co_await asio::async_read(*socket, asio::dynamic_buffer(received), net::kAnswer);
        error = read;
    }
    co_return finished(started, error, received);
}

asio::awaitable<void> ask_once(tcp::endpoint to, Duration limit, std::vector<Answer>& answers) {
    Answer answer = co_await ask(to, limit);
    answers.push_back(std::move(answer));
}

asio::awaitable<void> ask_in_turn(tcp::endpoint to, Duration limit, size_t& left,
                                  std::vector<Answer>& answers) {
    while (left > 0) {
        --left;
        co_await ask_once(to, limit, answers);
    }
}

asio::awaitable<void> ask_steadily(tcp::endpoint to, unsigned per_second, Duration limit,
                                   const std::atomic<bool>& stopping, std::vector<Answer>& answers) {
    const auto executor = co_await asio::this_coro::executor;
    const auto period = std::chrono::nanoseconds(1s) / per_second;
    for (asio::steady_timer timer(executor, Clock::now()); !stopping;
         timer.expires_at(timer.expiry() + period)) {
        co_await timer.async_wait(net::kAnswer);
        asio::co_spawn(executor, ask_once(to, limit, answers), asio::detached);
    }
}

}  // namespace

std::vector<Answer> burst(Host& from, const net::Endpoint& to, size_t requests, unsigned parallel,
                          Duration limit) {
    asio::io_context io(1);
    std::vector<Answer> answers;
    size_t left = requests;
    for (unsigned i = 0; i < parallel; ++i)
        asio::co_spawn(io, ask_in_turn(to_asio(to), limit, left, answers), asio::detached);
    from.run([&] {
        while (!io.stopped()) {
            io.run_for(50ms);
            throw_if_interrupted();
        }
    });
    return answers;
}

SteadyLoad::SteadyLoad(Host& from, const net::Endpoint& to, unsigned per_second, Duration limit)
    : thread_([this, netns = from.netns(), target = to_asio(to), per_second, limit] {
          InNetns inside(netns);
          asio::io_context io(1);
          asio::co_spawn(io, ask_steadily(target, per_second, limit, stopping_, answers_), asio::detached);
          io.run();
      }) {}

std::vector<Answer> SteadyLoad::stop() {
    stopping_ = true;
    thread_.join();
    std::ranges::sort(answers_, {}, &Answer::started);
    return std::move(answers_);
}

}  // namespace weir::lab
