#include "health/probe.h"

#include <variant>

#include "health/kinds.h"

namespace weir::health {

namespace asio = boost::asio;

asio::awaitable<Result<Outcome>> probe(const model::Check& check, const model::TargetKey& target, Path& path,
                                       Clock& clock) {
    auto started = clock.now();
    // A mark has no VIP: its backends are called by their own addresses.
    auto called = target.frontend.is_mark() ? target.backend : target.frontend.probe_address();
    net::Endpoint vip{called, check.port.value_or(target.frontend.port)};
    Errand errand{target, vip, path, clock, started + check.timeout};
    auto running = std::visit([&errand](const auto& kind) { return run(kind, errand); }, check.kind);
    auto verdict = co_await std::move(running);
    if (!verdict.probed) co_return fail("{}", verdict.message);
    auto latency = std::chrono::duration_cast<std::chrono::microseconds>(clock.now() - started);
    co_return Outcome{verdict.ok, std::move(verdict.message), latency, std::chrono::system_clock::now(),
                      std::move(verdict.expiring)};
}

}  // namespace weir::health
