#include "engine/proxy/pipes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace weir::engine::proxy {
namespace {

constexpr size_t kMostOut = 256;  // each may hold its size in bytes of others: of a worker that is the bound
constexpr size_t kMostKept = 32;

/// The kernel's word on what it has become.
size_t resize(int descriptor, uint32_t bytes) {
    for (auto wanted = static_cast<int>(std::min(bytes, uint32_t{1} << 30)); wanted >= 1 << 16; wanted /= 2)
        if (const int got = ::fcntl(descriptor, F_SETPIPE_SZ, wanted); got > 0)
            return static_cast<size_t>(got);
    return static_cast<size_t>(std::max(0, ::fcntl(descriptor, F_GETPIPE_SZ)));
}

}  // namespace

void Pipes::set_size(uint32_t bytes) {
    if (bytes == size_) return;
    size_ = bytes;
    kept_.clear();
}

std::unique_ptr<Pipe> Pipes::take() {
    if (size_ == 0 || out_ == kMostOut) return nullptr;
    std::unique_ptr<Pipe> pipe;
    if (kept_.empty()) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
        pipe = std::make_unique<Pipe>(UniqueFd(ends[0]), UniqueFd(ends[1]));
        pipe->size = resize(ends[1], size_);
    } else {
        pipe = std::move(kept_.back());
        kept_.pop_back();
    }
    ++out_;
    return pipe;
}

void Pipes::give_back(std::unique_ptr<Pipe> pipe, bool is_empty) {
    --out_;
    if (is_empty && kept_.size() < kMostKept) kept_.push_back(std::move(pipe));
}

}  // namespace weir::engine::proxy
