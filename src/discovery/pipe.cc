#include "discovery/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <tuple>

#include "net/answer.h"

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

constexpr size_t kRoom = 1 << 16;  // what a pipe holds, too

}  // namespace

struct Pipe::End {
    End(const asio::any_io_executor& executor, Clock& time, Take call, int fd)
        : from(executor, fd), sleep(executor), clock(time), take(std::move(call)) {}

    /// What there is, at once. False at the end of it, and when no more is wanted.
    bool read_some(Clock::Duration& pause);

    asio::posix::stream_descriptor from;
    Sleep sleep;
    Clock& clock;
    Take take;
    std::array<char, kRoom> room;
};

Result<Pipe> Pipe::open(const asio::any_io_executor& executor, Clock& clock, Take take) {
    std::array<int, 2> both{};
    if (::pipe2(both.data(), O_CLOEXEC) != 0) return fail_with(errno, "cannot make a pipe");
    UniqueFd ours(both[0]), other(both[1]);
    // Of this end alone: the program's waits when there is no room.
    if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return fail_with(errno, "cannot make a pipe");
    auto end = std::make_shared<End>(executor, clock, std::move(take), ours.get());
    std::ignore = ours.release();
    return Pipe(std::move(end), std::move(other));
}

void Pipe::start() {
    asio::co_spawn(end_->from.get_executor(), read(end_), asio::detached);
}

bool Pipe::End::read_some(Clock::Duration& pause) {
    auto count = ::read(from.native_handle(), room.data(), room.size());
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    auto next = take({room.data(), static_cast<size_t>(count)});
    pause = next.value_or(Clock::Duration());
    return next && count > 0;
}

/// Waits and then reads, instead of having it read: what is read but not handed over yet would be lost to
/// finish().
asio::awaitable<void> Pipe::read(std::shared_ptr<End> end) {
    while (end->from.is_open()) {
        auto [code] = co_await end->from.async_wait(asio::posix::stream_descriptor::wait_read, net::kAnswer);
        if (code || !end->from.is_open()) co_return;
        Clock::Duration pause{};
        if (!end->read_some(pause)) co_return;
        if (pause > Clock::Duration()) co_await end->sleep.until(end->clock, end->clock.now() + pause);
    }
}

void Pipe::finish() {
    Clock::Duration ignored{};
    // More than what the pipe holds is another's.
    if (end_->from.is_open() && end_->read_some(ignored)) end_->read_some(ignored);
    close();
}

void Pipe::close() {
    boost::system::error_code ignored;
    end_->from.close(ignored);
    end_->sleep.wake();
}

}  // namespace weir::discovery
