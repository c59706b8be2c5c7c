#include "discovery/repeat.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <random>

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;

constexpr Clock::Duration kFirstPause = 1s;
constexpr Clock::Duration kLastPause = 30s;

/// A little more than that, each time another: not all of them ask again at once.
Clock::Duration about(Clock::Duration span) {
    static std::minstd_rand chance(std::random_device{}());
    return span + span * std::uniform_int_distribution(0, 100)(chance) / 1000;
}

/// What the coroutine works with, which may end a little later than its source.
struct Work {
    Work(const Surroundings& around, std::unique_ptr<Looker> looks, Listener& whom)
        : clock(around.clock), listener(whom), looker(std::move(looks)), sleep(around.executor) {}

    Clock& clock;
    Listener& listener;
    std::unique_ptr<Looker> looker;
    Sleep sleep;
    asio::cancellation_signal cancel;
    bool stopped = false;
};

asio::awaitable<void> go_on(std::shared_ptr<Work> work) {
    auto pause = kFirstPause;
    std::string failure;
    while (!work->stopped) {
        auto look = co_await work->looker->look();
        if (work->stopped) co_return;
        auto wait = look ? look->next : about(pause);
        pause = look ? kFirstPause : std::min(pause * 2, kLastPause);
        if (look) {
            failure.clear();
            work->listener.found(std::move(look->set));
        } else if (look.error().message != failure) {
            failure = look.error().message;
            work->listener.failed(look.error());
        }
        if (work->stopped) co_return;
        co_await work->sleep.until(work->clock, work->clock.now() + wait);
    }
}

class Repeated final : public Source {
  public:
    Repeated(const Surroundings& around, std::shared_ptr<Work> work) : work_(std::move(work)) {
        asio::post(around.executor, [executor = around.executor, work = work_] {
            if (work->stopped) return;
            auto ended = [work](const std::exception_ptr& thrown) {
                if (thrown && !work->stopped) std::rethrow_exception(thrown);
            };
            asio::co_spawn(executor, go_on(work),
                           asio::bind_cancellation_slot(work->cancel.slot(), std::move(ended)));
        });
    }
    ~Repeated() override {
        work_->stopped = true;
        work_->cancel.emit(asio::cancellation_type::terminal);
    }

  private:
    std::shared_ptr<Work> work_;
};

}  // namespace

std::unique_ptr<Source> repeat(const Surroundings& around, std::unique_ptr<Looker> looker,
                               Listener& listener) {
    return std::make_unique<Repeated>(around, std::make_shared<Work>(around, std::move(looker), listener));
}

}  // namespace weir::discovery
