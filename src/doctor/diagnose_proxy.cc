#include <fmt/format.h>

#include "doctor/rules.h"

namespace weir::doctor {
namespace {

constexpr uint64_t kOfConnection = 2;  // its two sockets; a direction that carries bulk has a pipe, two more
constexpr uint64_t kOfDaemon = 1024;   // listening sockets, probes, the API, what waits to be closed
constexpr uint64_t kAcceptQueue = 4096;

void judge_descriptors(const Facts& facts, std::vector<Finding>& into) {
    if (!facts.descriptors) return;
    Findings found(into, "descriptors");
    const auto& wanted = facts.wanted;
    const uint64_t needed = wanted.proxy_connections * kOfConnection + wanted.proxy_sessions + kOfDaemon;
    if (*facts.descriptors < needed)
        return found.problem(
            fmt::format("{} connections and {} UDP sessions take {} descriptors, and the limit is {}",
                        wanted.proxy_connections, wanted.proxy_sessions, needed, *facts.descriptors),
            fmt::format("in a service unit LimitNOFILE={0}; in a shell ulimit -n {0}", needed));
    if (wanted.proxy_connections > 0)
        return found.ok(fmt::format("{} connections and {} UDP sessions take {} of {}",
                                    wanted.proxy_connections, wanted.proxy_sessions, needed,
                                    *facts.descriptors));
    found.ok(fmt::format("there is room for {} connections that wait, half as many that carry bulk one way",
                         (*facts.descriptors - needed) / kOfConnection));
}

/// As long is the queue of each listening socket at most.
void judge_accept_queue(const Facts& facts, std::vector<Finding>& into) {
    if (!facts.accept_queue) return;
    Findings found(into, "accept queue");
    if (*facts.accept_queue >= kAcceptQueue)
        return found.ok(fmt::format("{} connections may wait to be taken", *facts.accept_queue));
    found.advice(fmt::format("no more than {} connections may wait to be taken: a burst loses some",
                             *facts.accept_queue),
                 fmt::format("sysctl -w net.core.somaxconn={}", kAcceptQueue));
}

}  // namespace

void judge_proxy(const Facts& facts, std::vector<Finding>& into) {
    if (!facts.wanted.proxy) return;
    judge_descriptors(facts, into);
    judge_accept_queue(facts, into);
}

}  // namespace weir::doctor
