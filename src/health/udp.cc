// The UDP check: one datagram is sent, and the answer must have a text in it. Where nobody listens, the
// backend's port unreachable says so at once.
#include <fmt/format.h>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "health/excerpt.h"
#include "health/kinds.h"

namespace weir::health {

namespace asio = boost::asio;

std::expected<Datagrams, Verdict> reach(const Errand& errand, net::Carrier carrier,
                                        const asio::any_io_executor& executor) {
    auto passage = errand.path.open(errand.target, carrier, errand.vip.port);
    if (!passage) return std::unexpected(no_way(passage.error()));
    auto datagrams = Datagrams::over(std::move(*passage), executor, errand.clock, errand.deadline);
    if (!datagrams) return std::unexpected(no_way(datagrams.error()));
    return std::move(*datagrams);
}

namespace {

constexpr size_t kMostAnswer = 4096;

}  // namespace

asio::awaitable<Verdict> run(const model::UdpCheck& check, const Errand& errand) {
    auto executor = co_await asio::this_coro::executor;
    auto datagrams = reach(errand, net::Carrier::udp, executor);
    if (!datagrams) co_return datagrams.error();
    std::string bytes(kMostAnswer, '\0');
    size_t filled = 0;
    auto code = co_await datagrams->send(check.send);
    auto room = asio::buffer(bytes);
    if (!code) code = co_await datagrams->receive(room, &filled);
    if (code == asio::error::timed_out) co_return Verdict{false, "L7TOUT"};
    if (code) co_return no_way(code);
    auto answer = std::string_view(bytes).substr(0, filled);
    if (answer.contains(check.expect)) co_return Verdict{true, "L7OK"};
    co_return Verdict{false, fmt::format("L7RSP: only '{}' came", excerpt(answer))};
}

}  // namespace weir::health
