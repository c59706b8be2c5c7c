// The TCP check: the three-way handshake is all it asks for. Nothing is sent, so it suits every protocol on
// top.
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "health/kinds.h"

namespace weir::health {

namespace asio = boost::asio;

asio::awaitable<std::expected<Connection, Verdict>> dial(const Errand& errand) {
    auto failed = [](const std::string& why) { return std::unexpected(Verdict{false, "L4CON: " + why}); };
    auto passage = errand.path.open(errand.target, net::Carrier::tcp, errand.vip.port);
    if (!passage) co_return failed(passage.error().message);
    auto executor = co_await asio::this_coro::executor;
    auto connection = Connection::over(std::move(*passage), executor, errand.deadline);
    if (!connection) co_return failed(connection.error().message);
    auto code = co_await connection->connect();
    if (code == asio::error::timed_out) co_return std::unexpected(Verdict{false, "L4TOUT"});
    if (code) co_return failed(text_of(code));
    co_return std::move(*connection);
}

asio::awaitable<Verdict> run(const model::TcpCheck&, const Errand& errand) {
    auto connection = co_await dial(errand);
    if (!connection) co_return connection.error();
    co_return Verdict{true, "L4OK"};
}

}  // namespace weir::health
