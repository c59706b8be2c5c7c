#include "health/probe.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <variant>

#include "health/kinds.h"

namespace weir::health {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

asio::awaitable<Verdict> attempt(const model::Check& check, const model::TargetKey& target, Path& path,
                                 steady_clock::time_point deadline) {
    auto executor = co_await asio::this_coro::executor;
    net::Endpoint vip{target.frontend.probe_address(), check.port.value_or(target.frontend.port)};
    auto passage = path.open(target, vip.port);
    if (!passage) co_return Verdict{false, "L4CON: " + passage.error().message};
    auto connection = Connection::over(std::move(*passage), executor, deadline);
    if (!connection) co_return Verdict{false, "L4CON: " + connection.error().message};
    auto running = std::visit([&](const auto& kind) { return run(kind, vip, *connection); }, check.kind);
    co_return co_await std::move(running);
}

}  // namespace

asio::awaitable<Outcome> probe(const model::Check& check, const model::TargetKey& target, Path& path) {
    auto started = steady_clock::now();
    auto verdict = co_await attempt(check, target, path, started + check.timeout);
    auto latency = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - started);
    co_return Outcome{verdict.ok, std::move(verdict.message), latency, std::chrono::system_clock::now()};
}

}  // namespace weir::health
