#include "cli/streams.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cstring>

namespace weir::cli {

namespace asio = boost::asio;

namespace {

/// Until one of the events has come to the stream, or the counter has been written.
enum class Came : uint8_t { stream, counter };

/// A regular file and /dev/null are always ready.
Came wait(int fd, short events, const UniqueFd& counter) {
    std::array<pollfd, 2> wanted{pollfd{.fd = fd, .events = events, .revents = 0},
                                 pollfd{.fd = counter.get(), .events = POLLIN, .revents = 0}};
    while (::poll(wanted.data(), wanted.size(), -1) < 0 && errno == EINTR) continue;
    return wanted[1].revents != 0 ? Came::counter : Came::stream;
}

void count(const UniqueFd& counter) {
    ::eventfd_write(counter.get(), 1);
}

void discount(const UniqueFd& counter) {
    eventfd_t ignored = 0;
    ::eventfd_read(counter.get(), &ignored);
}

UniqueFd make_counter() {
    return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

}  // namespace

struct Input::Shared : std::enable_shared_from_this<Shared> {
    Shared(int stream, asio::any_io_executor where, Take what)
        : fd(stream), executor(std::move(where)), take(std::move(what)) {}

    void read();
    bool hand_over(std::string text);

    const int fd;
    const asio::any_io_executor executor;
    Take take;
    UniqueFd stop = make_counter();
    std::mutex mutex;
    std::condition_variable taken;
    bool is_taken = true;
    bool is_open = true;  // changed on the executor's thread only
};

/// False when nobody wants it any more.
bool Input::Shared::hand_over(std::string text) {
    std::unique_lock lock(mutex);
    is_taken = false;
    asio::post(executor, [self = shared_from_this(), text = std::move(text)] {
        if (self->is_open) self->take(text);
        std::lock_guard held(self->mutex);
        self->is_taken = true;
        self->taken.notify_one();
    });
    taken.wait(lock, [this] { return is_taken || !is_open; });
    return is_open;
}

void Input::Shared::read() {
    std::array<char, 16384> buffer{};
    for (;;) {
        if (wait(fd, POLLIN, stop) == Came::counter) return;
        auto size = ::read(fd, buffer.data(), buffer.size());
        if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        // What cannot be read has no more in it.
        auto text = size > 0 ? std::string(buffer.data(), static_cast<size_t>(size)) : std::string();
        if (!hand_over(std::move(text)) || size <= 0) return;
    }
}

Input::Input(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), thread_([held = shared_] { held->read(); }) {}

Result<std::unique_ptr<Input>> Input::open(int fd, asio::any_io_executor executor, Take take) {
    auto shared = std::make_shared<Shared>(fd, std::move(executor), std::move(take));
    if (!shared->stop) return fail_with(errno, "cannot read the standard input");
    return std::unique_ptr<Input>(new Input(std::move(shared)));
}

Input::~Input() {
    {
        std::lock_guard lock(shared_->mutex);
        shared_->is_open = false;
        shared_->taken.notify_one();
    }
    count(shared_->stop);
    thread_.join();
}

struct Output::Shared : std::enable_shared_from_this<Shared> {
    Shared(int stream, asio::any_io_executor where, std::function<void(std::string)> then)
        : fd(stream), executor(std::move(where)), closed(std::move(then)) {}

    void write();
    bool write(std::string_view text);
    void close(std::string why);
    std::optional<std::string> next() {
        std::lock_guard lock(mutex);
        return std::exchange(text, std::nullopt);
    }
    bool goes_on() {
        std::lock_guard lock(mutex);
        return is_open;
    }

    const int fd;
    const asio::any_io_executor executor;
    const std::function<void(std::string)> closed;
    UniqueFd news = make_counter();  // there is a text, or this is to end
    UniqueFd stop = make_counter();
    std::mutex mutex;
    std::optional<std::string> text;
    bool is_open = true;
};

void Output::Shared::close(std::string why) {
    asio::post(executor, [self = shared_from_this(), why = std::move(why)] {
        if (self->goes_on()) self->closed(why);
    });
}

/// In pieces that a pipe takes whole, once it can take any: so that it never blocks. False at the end.
bool Output::Shared::write(std::string_view rest) {
    while (!rest.empty()) {
        if (wait(fd, POLLOUT, stop) == Came::counter) return false;
        auto size = ::write(fd, rest.data(), std::min<size_t>(rest.size(), PIPE_BUF));
        if (size > 0) {
            rest.remove_prefix(static_cast<size_t>(size));
        } else if (errno != EINTR && errno != EAGAIN) {
            close(errno == EPIPE ? ""
                                 : "cannot write the standard output: " + std::string(std::strerror(errno)));
            return false;
        }
    }
    return true;
}

void Output::Shared::write() {
    for (;;) {
        // Nobody reads any more: a pipe or socket says so by itself.
        if (wait(fd, 0, news) == Came::stream) return close("");
        discount(news);
        if (!goes_on()) return;
        for (auto each = next(); each; each = next())
            if (!write(*each)) return;
    }
}

Output::Output(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), thread_([held = shared_] { held->write(); }) {}

Result<std::unique_ptr<Output>> Output::open(int fd, asio::any_io_executor executor,
                                             std::function<void(std::string)> closed) {
    auto shared = std::make_shared<Shared>(fd, std::move(executor), std::move(closed));
    if (!shared->news || !shared->stop) return fail_with(errno, "cannot write the standard output");
    return std::unique_ptr<Output>(new Output(std::move(shared)));
}

void Output::write(std::string text) {
    {
        std::lock_guard lock(shared_->mutex);
        shared_->text = std::move(text);
    }
    count(shared_->news);
}

Output::~Output() {
    {
        std::lock_guard lock(shared_->mutex);
        shared_->is_open = false;
    }
    count(shared_->stop);
    count(shared_->news);
    thread_.join();
}

}  // namespace weir::cli
