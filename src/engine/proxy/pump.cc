#include "engine/proxy/pump.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weir::engine::proxy {
namespace {

constexpr size_t kLarge = 16384;  // a read that speaks for bulk, once for each so many bytes
constexpr size_t kSmall = 8192;   // one that speaks against it
constexpr uint8_t kSmallInARow = 8;

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Pump::Progress Pump::run(Line& from, Line& to, Workbench& bench, size_t allowed) {
    Progress progress;
    while (true) {
        if (!flush(to, progress))
            progress.state = State::broken;
        else if (has_ended())
            progress.state = State::ended;
        else if (held_ == 0 && from.readable && to.writable)
            progress.state = State::stopped;
        else
            progress.state = State::waits;
        if (progress.state != State::stopped || allowed <= progress.read) break;
        if (!fill(from, to, bench, allowed - progress.read, progress)) {
            progress.state = State::broken;
            break;
        }
    }
    if (pipe_ && held_ == 0) bench.pipes.give_back(std::move(pipe_), true);
    return progress;
}

void Pump::put(std::span<const uint8_t> bytes) {
    kept_ = std::make_unique_for_overwrite<uint8_t[]>(bytes.size());
    std::ranges::copy(bytes, kept_.get());
    held_ = static_cast<uint32_t>(bytes.size());
    offset_ = 0;
}

void Pump::close(Workbench& bench) {
    if (pipe_) bench.pipes.give_back(std::move(pipe_), held_ == 0);
    kept_.reset();
    held_ = 0;
}

/// What is held. False: the end is broken.
bool Pump::flush(Line& to, Progress& progress) {
    while (held_ > 0 && to.writable) {
        const ssize_t sent = kept_ ? ::send(to.fd.get(), kept_.get() + offset_, held_, MSG_NOSIGNAL)
                                   : ::splice(pipe_->out.get(), nullptr, to.fd.get(), nullptr, held_,
                                              SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && !would_block(errno)) return false;
        if (sent <= 0) {
            to.writable = false;
            break;
        }
        held_ -= static_cast<uint32_t>(sent);
        offset_ += static_cast<uint32_t>(sent);
        progress.written += static_cast<size_t>(sent);
    }
    if (held_ == 0) kept_.reset();
    return true;
}

bool Pump::fill(Line& from, Line& to, Workbench& bench, size_t allowed, Progress& progress) {
    if (is_bulk() && !pipe_) pipe_ = bench.pipes.take();
    if (is_bulk() && !pipe_)
        bulk_ = 0;  // there are no more: it is asked for again when it has been bulk for a while
    return pipe_ ? splice(from, allowed, progress) : copy(from, to, bench, allowed, progress);
}

/// Of a read that got nothing. False: the end is broken.
bool Pump::end_or_fail(Line& from, ssize_t got) {
    if (got == 0) {
        at_end_ = true;
        from.readable = false;
        return true;
    }
    if (errno == EINTR) return true;
    if (!would_block(errno)) return false;
    from.readable = false;
    return true;
}

bool Pump::copy(Line& from, Line& to, Workbench& bench, size_t allowed, Progress& progress) {
    const auto wanted = std::min(allowed, bench.buffer.size());
    const ssize_t got = ::recv(from.fd.get(), bench.buffer.data(), wanted, 0);
    if (got <= 0) return end_or_fail(from, got);
    const auto size = static_cast<size_t>(got);
    progress.read += size;
    ++progress.chunks;
    weigh(size);
    if (size < wanted && !from.is_ending) from.readable = false;  // a new edge tells of what comes now

    const ssize_t sent = ::send(to.fd.get(), bench.buffer.data(), size, MSG_NOSIGNAL);
    if (sent < 0 && !would_block(errno)) return false;
    const auto gone = static_cast<size_t>(std::max<ssize_t>(sent, 0));
    progress.written += gone;
    if (gone == size) return true;
    to.writable = false;  // its buffer is full
    put(std::span(bench.buffer).first(size).subspan(gone));
    return true;
}

/// Into the pipe, which is empty: only then does EAGAIN say that the socket is.
bool Pump::splice(Line& from, size_t allowed, Progress& progress) {
    const ssize_t got = ::splice(from.fd.get(), nullptr, pipe_->in.get(), nullptr,
                                 std::min(allowed, pipe_->size), SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got <= 0) return end_or_fail(from, got);
    held_ = static_cast<uint32_t>(got);
    progress.read += held_;
    ++progress.chunks;
    weigh(held_);
    return true;
}

void Pump::weigh(size_t got) {
    if (is_bulk()) {
        small_ = got < kSmall ? static_cast<uint8_t>(small_ + 1) : uint8_t{0};
        if (small_ == kSmallInARow) bulk_ = small_ = 0;
    } else {
        const auto more = std::min<size_t>(got / kLarge, kBulk);
        bulk_ = got < kSmall ? uint8_t{0} : static_cast<uint8_t>(std::min<size_t>(bulk_ + more, kBulk));
    }
}

}  // namespace weir::engine::proxy
