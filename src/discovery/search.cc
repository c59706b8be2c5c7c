#include "discovery/search.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

namespace weir::discovery {

namespace asio = boost::asio;

/// The coroutine is cancelled with the source.
class Search::Running final : public Source {
  public:
    Running(const asio::any_io_executor& executor, std::shared_ptr<Search> search)
        : search_(std::move(search)) {
        // The handler holds the search until the coroutine has ended.
        auto ended = [held = search_](const std::exception_ptr& thrown) {
            if (!thrown || !held->listener_) return;
            std::rethrow_exception(thrown);  // no source throws, and a bug is not to be lost
        };
        asio::co_spawn(executor, search_->begin(),
                       asio::bind_cancellation_slot(search_->cancel_.slot(), std::move(ended)));
    }
    ~Running() override {
        search_->listener_ = nullptr;
        search_->end();
        search_->cancel_.emit(asio::cancellation_type::terminal);
    }

  private:
    std::shared_ptr<Search> search_;
};

Search::Search(const Surroundings& around, Listener& listener)
    : clock_(around.clock), listener_(&listener), sleep_(around.executor) {}

std::unique_ptr<Source> Search::start(const Surroundings& around, std::shared_ptr<Search> search) {
    return std::make_unique<Running>(around.executor, std::move(search));
}

/// Not before the source is made.
asio::awaitable<void> Search::begin() {
    co_await wait({});
    co_await run();
}

void Search::found(Set set) {
    failure_.clear();
    if (listener_) listener_->found(std::move(set));
}

void Search::found(Set set, std::string_view where) {
    if (set.members.empty() && !set.refused.empty())
        return failed(Error{fmt::format("{}: {}", where, set.refused.front())});
    found(std::move(set));
}

void Search::failed(const Error& why) {
    if (why.message == failure_) return;
    failure_ = why.message;
    if (listener_) listener_->failed(why);
}

asio::awaitable<void> Search::wait(Clock::Duration span) {
    co_await sleep_.until(clock_, clock_.now() + span);
}

asio::awaitable<void> Search::wait_for_next_try() {
    auto pause = std::chrono::duration<double>(backoff_.next());
    auto share = 1 - std::uniform_real_distribution<>(0, 0.25)(chance_);
    co_await wait(std::chrono::duration_cast<Clock::Duration>(pause * share));
}

}  // namespace weir::discovery
