#include "lab/wait.h"

#include <poll.h>

#include <atomic>
#include <csignal>

namespace weir::lab {
namespace {

constexpr int kTrapped[] = {SIGINT, SIGTERM, SIGHUP};
std::atomic<int> arrived = 0;
static_assert(std::atomic<int>::is_always_lock_free, "it is written by a signal handler");

}  // namespace

SignalTrap::SignalTrap() {
    arrived = 0;
    struct sigaction action{};  // without SA_RESTART: what blocks shall return
    action.sa_handler = [](int signal) { arrived = signal; };
    for (int signal : kTrapped) sigaction(signal, &action, nullptr);
}

SignalTrap::~SignalTrap() {
    for (int signal : kTrapped) std::signal(signal, SIG_DFL);
}

bool interrupted() {
    return arrived != 0;
}

void throw_if_interrupted() {
    if (int signal = arrived) throw Interrupted{signal};
}

void pause_for(Duration time) {
    throw_if_interrupted();
    ::poll(nullptr, 0, static_cast<int>(time.count()));
    throw_if_interrupted();
}

}  // namespace weir::lab
