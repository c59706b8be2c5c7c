#include "engine/proxy/workbench.h"

#include <pthread.h>

#include <csignal>

namespace weir::engine::proxy {
namespace {

/// A splice to a connection that was reset raises it, and has no flag against that.
void block_sigpipe() {
    sigset_t pipe;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace

std::shared_ptr<Workbench> Workbench::of_this_thread() {
    static thread_local std::weak_ptr<Workbench> mine;
    auto bench = mine.lock();
    if (bench) return bench;
    block_sigpipe();
    mine = bench = std::make_shared<Workbench>();
    return bench;
}

}  // namespace weir::engine::proxy
