#include "lab/chat.h"

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "lab/failure.h"
#include "net/answer.h"

namespace weir::lab {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t kWord = 8;  // bytes of what is said

template <class Protocol>
typename Protocol::endpoint to_asio(const net::Endpoint& endpoint) {
    return {asio::ip::make_address(endpoint.address.text()), endpoint.port.value()};
}

asio::awaitable<void> echo(tcp::socket socket, std::string greeting) {
    std::array<char, 4096> buffer{};
    auto [error, size] = co_await asio::async_write(socket, asio::buffer(greeting), net::kAnswer);
    while (!error) {
        std::tie(error, size) = co_await socket.async_read_some(asio::buffer(buffer), net::kAnswer);
        if (error) break;
        std::tie(error, size) =
            co_await asio::async_write(socket, asio::buffer(buffer.data(), size), net::kAnswer);
    }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor, std::string greeting) {
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(net::kAnswer);
        if (error) co_return;
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket), greeting), asio::detached);
    }
}

asio::awaitable<void> answer_all(udp::socket& socket, std::string name) {
    std::array<char, 64> buffer{};
    for (;;) {
        udp::endpoint from;
        auto [error, size] = co_await socket.async_receive_from(asio::buffer(buffer), from, net::kAnswer);
        if (error == asio::error::operation_aborted) co_return;
        if (!error) co_await socket.async_send_to(asio::buffer(name), from, net::kAnswer);
    }
}

/// What is known of a conversation.
struct Talk {
    std::string server;
    Clock::time_point last{};  // answer
    Clock::duration longest_stall{};

    void answered() {
        auto now = Clock::now();
        if (last != Clock::time_point()) longest_stall = std::max(longest_stall, now - last);
        last = now;
    }
};

}  // namespace

struct ChatServer::Io {
    Io(const net::Endpoint& at, const std::string& name)
        : acceptor(io, to_asio<tcp>(at)), datagrams(io, to_asio<udp>(at)) {
        asio::co_spawn(io, accept_all(acceptor, name + "\n"), asio::detached);
        asio::co_spawn(io, answer_all(datagrams, name), asio::detached);
    }

    asio::io_context io{1};
    tcp::acceptor acceptor;
    udp::socket datagrams;
};

ChatServer::ChatServer(Host& host, const net::Endpoint& at, std::string name)
    : io_(host.run([&] { return std::make_unique<Io>(at, name); })), thread_([this] { io_->io.run(); }) {}

ChatServer::~ChatServer() {
    io_->io.stop();
}

struct Chats::Io {
    asio::awaitable<void> talk(Talk& talk, tcp::endpoint to);
    asio::awaitable<void> ask(Talk& talk, udp::endpoint to);
    asio::awaitable<void> hear(Talk& talk, udp::socket& socket);
    void note_broken(const Talk& talk, const std::string& why);
    asio::awaitable<ChatReport> look();
    asio::awaitable<void> restart();

    asio::io_context io{1};
    Duration pace{};
    std::deque<Talk> talks;
    size_t broken = 0;
    std::string first_error;
};

void Chats::Io::note_broken(const Talk& talk, const std::string& why) {
    if (broken++ == 0) first_error = fmt::format("{}: {}", talk.server.empty() ? "?" : talk.server, why);
}

asio::awaitable<void> Chats::Io::talk(Talk& talk, tcp::endpoint to) {
    tcp::socket socket(io);
    auto [error] = co_await socket.async_connect(to, net::kAnswer);
    if (error) co_return note_broken(talk, "cannot connect: " + error.message());
    size_t size = 0;
    std::string greeting;
    std::tie(error, size) =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(greeting), '\n', net::kAnswer);
    if (!error) talk.server = greeting.substr(0, size - 1);
    std::array<char, kWord> word{};
    for (asio::steady_timer timer(io); !error;) {
        std::tie(error, size) = co_await asio::async_write(socket, asio::buffer(word), net::kAnswer);
        if (error) break;
        std::tie(error, size) = co_await asio::async_read(socket, asio::buffer(word), net::kAnswer);
        if (error) break;
        talk.answered();
        timer.expires_after(pace);
        co_await timer.async_wait(net::kAnswer);
    }
    note_broken(talk, error.message());
}

asio::awaitable<void> Chats::Io::hear(Talk& talk, udp::socket& socket) {
    std::array<char, 64> buffer{};
    for (;;) {
        auto [error, size] = co_await socket.async_receive(asio::buffer(buffer), net::kAnswer);
        if (error == asio::error::operation_aborted) co_return;
        if (error) continue;
        const std::string_view server(buffer.data(), size);
        if (!talk.server.empty() && talk.server != server)
            note_broken(talk, fmt::format("answered by {}", server));
        talk.server = server;
        talk.answered();
    }
}

asio::awaitable<void> Chats::Io::ask(Talk& talk, udp::endpoint to) {
    udp::socket socket(io);
    error_code error;
    socket.connect(to, error);
    if (error) co_return note_broken(talk, error.message());
    asio::co_spawn(io, hear(talk, socket), asio::detached);
    const std::array<char, kWord> word{};
    for (asio::steady_timer timer(io);;) {
        co_await socket.async_send(asio::buffer(word), net::kAnswer);
        timer.expires_after(pace);
        co_await timer.async_wait(net::kAnswer);
    }
}

asio::awaitable<ChatReport> Chats::Io::look() {
    ChatReport report{.broken = broken, .first_error = first_error};
    const auto now = Clock::now();
    Clock::duration longest{};
    for (const auto& talk : talks) {
        if (talk.last == Clock::time_point()) continue;
        report.talking++;
        report.by_server[talk.server]++;
        longest = std::max({longest, talk.longest_stall, now - talk.last});
    }
    report.longest_stall = std::chrono::duration_cast<Duration>(longest);
    co_return report;
}

asio::awaitable<void> Chats::Io::restart() {
    for (auto& talk : talks) talk.longest_stall = {};
    co_return;
}

Chats::Chats(Host& from, const net::Endpoint& to, size_t connections, size_t datagram_flows, Duration pace)
    : io_(std::make_unique<Io>()) {
    io_->pace = pace;
    for (size_t i = 0; i < connections; ++i)
        asio::co_spawn(io_->io, io_->talk(io_->talks.emplace_back(), to_asio<tcp>(to)), asio::detached);
    for (size_t i = 0; i < datagram_flows; ++i)
        asio::co_spawn(io_->io, io_->ask(io_->talks.emplace_back(), to_asio<udp>(to)), asio::detached);
    thread_ = std::jthread([this, netns = from.netns()] {
        InNetns inside(netns);
        io_->io.run();
    });
}

Chats::~Chats() {
    io_->io.stop();
}

ChatReport Chats::report() const {
    return asio::co_spawn(io_->io, io_->look(), asio::use_future).get();
}

void Chats::restart_clock() {
    asio::co_spawn(io_->io, io_->restart(), asio::use_future).get();
}

}  // namespace weir::lab
