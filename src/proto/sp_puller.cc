#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>

#include "base/backoff.h"
#include "net/answer.h"
#include "proto/sp.h"
#include "proto/sp_link.h"

namespace weir::proto::sp {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;

constexpr auto kPatience = 5s;  // with a connection
constexpr Backoff::Duration kFirstPause = 50ms, kLastPause = 1s;

/// Lives until its coroutine has ended.
class Pulling : public std::enable_shared_from_this<Pulling> {
  public:
    Pulling(const Surroundings& around, PullerOrder order)
        : executor_(around.executor),
          clock_(around.clock),
          order_(std::move(order)),
          dialler_(order_.url, Role::pull),
          room_(executor_, Clock::Time::max()),
          pause_(executor_) {}

    void start() {
        auto ended = [held = shared_from_this()](const std::exception_ptr& thrown) {
            if (thrown && held->open_) std::rethrow_exception(thrown);
        };
        asio::co_spawn(executor_, run(), asio::bind_cancellation_slot(cancel_.slot(), std::move(ended)));
    }
    void close() {
        open_ = false;
        cancel_.emit(asio::cancellation_type::terminal);
        // Outside of the loop the signal comes by it, and must find who is to get it.
        asio::post(executor_, [held = shared_from_this()] {});
    }
    std::optional<std::string> take() {
        if (held_.empty()) return std::nullopt;
        auto token = std::move(held_.front());
        held_.pop_front();
        room_.cancel();
        return token;
    }
    void drop_all() {
        held_.clear();
        if (!socket_) return;
        dropped_ = true;
        error_code ignored;
        socket_->close(ignored);
        room_.cancel();
    }
    bool is_connected() const { return socket_.has_value() && !dropped_; }

  private:
    asio::awaitable<void> run();
    asio::awaitable<Status> read();
    asio::awaitable<Status> hold(Frames& frames);
    void change() {
        if (open_ && order_.changed) order_.changed();
    }
    void tell(const Error& why) {
        if (!open_ || std::exchange(trouble_, why.message) == why.message) return;
        if (order_.trouble) order_.trouble(why);
    }

    asio::any_io_executor executor_;
    Clock& clock_;
    const PullerOrder order_;
    Dialler dialler_;
    asio::steady_timer room_;  // never due; who has read too much waits for it
    Sleep pause_;
    std::optional<Socket> socket_;  // while it is connected
    bool dropped_ = false;          // and about to be connected anew
    std::deque<std::string> held_;
    std::string trouble_;
    bool open_ = true;
    asio::cancellation_signal cancel_;
};

asio::awaitable<void> Pulling::run() {
    co_await asio::post(executor_, asio::use_awaitable);
    Backoff backoff(kFirstPause, kLastPause);
    while (open_) {
        auto socket = co_await dialler_.dial(clock_, clock_.now() + kPatience);
        if (socket) {
            socket_.emplace(std::move(*socket));
            trouble_.clear();
            backoff.reset();
            change();
            auto why = co_await read();
            socket_.reset();
            if (std::exchange(dropped_, false)) continue;
            if (!why) tell({fmt::format("{}: {}", order_.url.text(), why.error().message)});
            change();
        } else {
            tell(socket.error());
        }
        co_await pause_.until(clock_, clock_.now() + backoff.next());
    }
}

/// Until the connection ends; says why.
asio::awaitable<Status> Pulling::read() {
    Frames frames(order_.url.transport);
    for (;;) {
        if (auto taken = co_await hold(frames); !taken) co_return taken;
        if (dropped_) co_return Status();
        auto room = frames.room();
        auto [code, size] =
            co_await socket_->async_read_some(asio::buffer(room.data(), room.size()), net::kAnswer);
        if (dropped_) co_return Status();
        if (code) co_return fail("the generator has gone: {}", code.message());
        frames.fill(size);
    }
}

/// Those that have come, each as soon as there is room for it.
asio::awaitable<Status> Pulling::hold(Frames& frames) {
    for (;;) {
        while (held_.size() >= order_.hold && !dropped_) co_await room_.async_wait(net::kAnswer);
        if (dropped_) co_return Status();
        auto token = frames.next();
        if (!token) co_return propagate(token);
        if (!*token) co_return Status();
        held_.push_back(*std::move(*token));
        change();
    }
}

class Owner final : public Puller {
  public:
    explicit Owner(std::shared_ptr<Pulling> pulling) : pulling_(std::move(pulling)) {}
    ~Owner() override { pulling_->close(); }
    std::optional<std::string> take() override { return pulling_->take(); }
    void drop_all() override { pulling_->drop_all(); }
    bool is_connected() const override { return pulling_->is_connected(); }

  private:
    std::shared_ptr<Pulling> pulling_;
};

}  // namespace

std::unique_ptr<Puller> make_puller(const Surroundings& around, PullerOrder order) {
    order.hold = std::max<size_t>(order.hold, 1);
    auto pulling = std::make_shared<Pulling>(around, std::move(order));
    pulling->start();
    return std::make_unique<Owner>(std::move(pulling));
}

}  // namespace weir::proto::sp
