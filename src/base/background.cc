#include "base/background.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace weir {

Status go_to_background() {
    UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return fail_with(errno, "cannot open /dev/null");
    auto child = ::fork();
    if (child < 0) return fail_with(errno, "cannot go to the background");
    if (child > 0) ::_exit(0);
    if (::setsid() < 0 || ::chdir("/") != 0) return fail_with(errno, "cannot leave the terminal");
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::dup2(null.get(), stream) < 0) return fail_with(errno, "cannot leave the standard streams");
    return {};
}

}  // namespace weir
