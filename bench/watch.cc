#include "bench/watch.h"

#include "lab/failure.h"
#include "lab/wait.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 5s;

}  // namespace

Watch::Watch() : epoll_(lab::check(::epoll_create1(EPOLL_CLOEXEC), "cannot wait for sockets")) {}

void Watch::add(int descriptor, uint32_t events, uint64_t number) {
    epoll_event wanted{.events = events, .data = {.u64 = number}};
    lab::check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &wanted), "cannot wait for a socket");
}

std::span<const epoll_event> Watch::wait(std::chrono::milliseconds limit) {
    lab::throw_if_interrupted();
    const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                   static_cast<int>(limit.count()));
    if (count < 0 && errno == EINTR) return {};
    lab::check(count, "cannot wait for sockets");
    return {events_.data(), static_cast<size_t>(count)};
}

Meter::Meter(const Span& span, std::function<double()> cost)
    : span_(span),
      cost_of_(std::move(cost)),
      began_(std::chrono::steady_clock::now()),
      now_(began_),
      moved_(began_) {}

bool Meter::goes_on(uint64_t done) {
    now_ = std::chrono::steady_clock::now();
    if (done != last_) {
        last_ = done;
        moved_ = now_;
    } else if (now_ - moved_ > kPatience) {
        lab::give_up("nothing has come for {} s", kPatience.count());
    }
    if (!counts_) {
        if (now_ - began_ < span_.warm_up) return true;
        counts_ = true;
        began_ = now_;
        first_ = done;
        cost_before_ = cost_of_();
        return true;
    }
    if (now_ - began_ < span_.counted) return true;
    seconds_ = std::chrono::duration<double>(now_ - began_).count();
    done_ = static_cast<double>(done - first_);
    cost_ = cost_of_() - cost_before_;
    if (done == first_) lab::give_up("nothing has come");
    return false;
}

}  // namespace weir::bench
