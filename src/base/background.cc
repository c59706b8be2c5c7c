#include "base/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace weir {
namespace {

/// Ends once the child is on its own: whoever clears up behind this process must not meet it.
[[noreturn]] void leave_to_child(const UniqueFd& told) {
    char word = 0;
    ssize_t size = 0;
    do size = ::read(told.get(), &word, 1);
    while (size < 0 && errno == EINTR);
    ::_exit(size == 1 ? 0 : 1);
}

}  // namespace

Result<Background> Background::begin() {
    UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return fail_with(errno, "cannot open /dev/null");
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_with(errno, "cannot go to the background");
    UniqueFd told(ends[0]), tell(ends[1]);
    auto child = ::fork();
    if (child < 0) return fail_with(errno, "cannot go to the background");
    if (child > 0) {
        tell.reset();
        leave_to_child(told);
    }
    if (::setsid() < 0 || ::chdir("/") != 0) return fail_with(errno, "cannot leave the terminal");
    return Background(std::move(null), std::move(tell));
}

Status Background::settle() {
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::dup2(null_.get(), stream) < 0) return fail_with(errno, "cannot leave the standard streams");
    if (::write(tell_.get(), "", 1) != 1) return fail_with(errno, "cannot go to the background");
    return {};
}

}  // namespace weir
