// The TCP check: the three-way handshake is all it asks for, so it suits every protocol on top; or a few
// bytes are sent and others waited for.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "health/excerpt.h"
#include "health/kinds.h"

namespace weir::health {

namespace asio = boost::asio;

namespace {

/// The kernel holds back what would complete the handshake, in case that data come to send with it: 200 ms.
void delay_acknowledgement(const UniqueFd& socket) {
    int quickly = 0;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &quickly, sizeof quickly);
}

}  // namespace

asio::awaitable<std::expected<Connection, Verdict>> dial(const Errand& errand, Handshake handshake) {
    auto passage = errand.path.open(errand.target, net::Carrier::tcp, errand.vip.port);
    if (!passage) co_return std::unexpected(no_way(passage.error()));
    if (handshake == Handshake::half) delay_acknowledgement(passage->socket);
    auto executor = co_await asio::this_coro::executor;
    auto connection = Connection::over(std::move(*passage), executor, errand.clock, errand.deadline);
    if (!connection) co_return std::unexpected(not_probed(connection.error().message));
    auto code = co_await connection->connect();
    if (code == asio::error::timed_out) co_return std::unexpected(Verdict{false, "L4TOUT"});
    if (code) co_return std::unexpected(no_way(code));
    co_return std::move(*connection);
}

Verdict no_way(const net::NoPassage& why) {
    if (why.is_ours) return not_probed(why.message);
    return {false, "L4CON: " + why.message};
}

Verdict no_way(const Connection::Code& code) {
    return no_way(net::NoPassage(Error{text_of(code)}, is_ours(code)));
}

Verdict no_answer(const Connection::Code& code) {
    if (code == asio::error::timed_out) return {false, "L7TOUT"};
    if (code == asio::error::eof) return {false, "L7RSP: connection closed before an answer"};
    return {false, "L7RSP: " + text_of(code)};
}

namespace {

asio::awaitable<Verdict> wait_for(const std::string& expected, Connection& connection) {
    constexpr size_t kMost = 4096;
    std::string answer(kMost, '\0');
    for (size_t total = 0; total < kMost;) {
        size_t filled = 0;
        auto room = asio::buffer(answer) + total;
        auto code = co_await connection.read_some(room, &filled);
        if (code && total == 0) co_return no_answer(code);
        auto got = std::string_view(answer).substr(0, total += filled);
        if (got.contains(expected)) co_return Verdict{true, "L7OK"};
        if (code)
            co_return Verdict{
                false, fmt::format("{}: only '{}' came", code == asio::error::timed_out ? "L7TOUT" : "L7RSP",
                                   excerpt(got))};
    }
    co_return Verdict{false, fmt::format("L7RSP: no '{}' in the first 4 KiB", excerpt(expected))};
}

}  // namespace

asio::awaitable<Verdict> run(const model::TcpCheck& check, const Errand& errand) {
    auto connection = co_await dial(errand);
    if (!connection) co_return connection.error();
    if (check.expect.empty()) co_return Verdict{true, "L4OK"};
    auto code = co_await connection->write(check.send);
    if (code) co_return no_answer(code);
    co_return co_await wait_for(check.expect, *connection);
}

}  // namespace weir::health
