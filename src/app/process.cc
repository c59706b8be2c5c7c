#include "app/process.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace weir::app {

void set_up_process() {
    std::signal(SIGCHLD, SIG_DFL);  // ignored, which is inherited, it leaves no exit codes to wait for
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (::setrlimit(RLIMIT_NOFILE, &files) == 0) return;
    }
    spdlog::warn("cannot raise the limit of descriptors: {}", std::strerror(errno));
}

}  // namespace weir::app
