// Each consumer is served by a coroutine of its own: when its connection can take a token, it asks for the
// next one. So tokens go to whoever has room, in turns where several have.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <set>

#include "base/backoff.h"
#include "net/answer.h"
#include "proto/sp.h"
#include "proto/sp_link.h"

namespace weir::proto::sp {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;

constexpr auto kPatience = 5s;  // with a greeting, and with a connection
constexpr Backoff::Duration kFirstPause = 50ms, kLastPause = 1s;
constexpr auto kNoRoom = 100ms;  // for descriptors to come back

/// Lives until its last coroutine has ended.
class Pushing : public std::enable_shared_from_this<Pushing> {
  public:
    Pushing(const Surroundings& around, PusherOrder order)
        : executor_(around.executor),
          clock_(around.clock),
          order_(std::move(order)),
          dialler_(order_.url, Role::push),
          listening_(executor_),
          waiting_(executor_, Clock::Time::max()),
          pause_(executor_) {}

    Status listen() {
        auto listening = sp::listen(order_.url);
        if (!listening) return propagate(listening);
        listening_.assign(listening->release());
        return {};
    }
    void start() {
        auto ended = [held = shared_from_this()](const std::exception_ptr& thrown) {
            if (thrown && held->open_) std::rethrow_exception(thrown);
        };
        asio::co_spawn(executor_, order_.dials ? dial() : accept(),
                       asio::bind_cancellation_slot(cancel_.slot(), std::move(ended)));
    }
    void close();
    void wake() { waiting_.cancel(); }
    size_t consumers() const { return consumers_.size(); }

  private:
    asio::awaitable<void> accept();
    asio::awaitable<void> dial();
    asio::awaitable<void> meet(std::shared_ptr<Socket> socket);
    asio::awaitable<void> serve(std::shared_ptr<Socket> socket);
    asio::awaitable<void> watch(std::shared_ptr<Socket> socket);
    asio::awaitable<Status> push(Socket& socket);
    std::optional<std::string> next();
    void tell(const Error& why);

    asio::any_io_executor executor_;
    Clock& clock_;
    const PusherOrder order_;
    Dialler dialler_;
    asio::posix::stream_descriptor listening_;
    asio::steady_timer waiting_;  // never due; consumers without a token wait for it
    Sleep pause_;
    std::set<std::shared_ptr<Socket>> strangers_;  // not greeted yet
    std::set<std::shared_ptr<Socket>> consumers_;
    std::optional<std::string> returned_;  // chosen for a consumer that had gone
    std::string trouble_;
    bool open_ = true;
    asio::cancellation_signal cancel_;
};

void Pushing::close() {
    open_ = false;
    error_code ignored;
    for (const auto* all : {&strangers_, &consumers_})
        for (const auto& socket : *all) socket->close(ignored);
    waiting_.cancel();
    if (listening_.is_open() && order_.url.transport == Transport::ipc) ::unlink(order_.url.path.c_str());
    cancel_.emit(asio::cancellation_type::terminal);
    // Outside of the loop the signal comes by it, and must find who is to get it.
    asio::post(executor_, [held = shared_from_this()] {});
    listening_.close(ignored);
}

void Pushing::tell(const Error& why) {
    if (!open_ || std::exchange(trouble_, why.message) == why.message) return;
    if (order_.trouble) order_.trouble(why);
}

std::optional<std::string> Pushing::next() {
    if (returned_) return std::exchange(returned_, std::nullopt);
    return order_.next();
}

asio::awaitable<void> Pushing::accept() {
    co_await asio::post(executor_, asio::use_awaitable);
    for (;;) {
        auto [code] = co_await listening_.async_wait(asio::posix::stream_descriptor::wait_read, net::kAnswer);
        if (code || !open_) co_return;
        auto socket = sp::accept(listening_.native_handle(), order_.url, Role::push, executor_);
        if (socket && !*socket) continue;
        if (!socket) {  // most likely there are no descriptors left: to try again at once would only spin
            tell(socket.error());
            co_await pause_.until(clock_, clock_.now() + kNoRoom);
            continue;
        }
        trouble_.clear();
        auto shared = std::make_shared<Socket>(std::move(**socket));
        asio::co_spawn(executor_, meet(std::move(shared)), asio::detached);
    }
}

asio::awaitable<void> Pushing::meet(std::shared_ptr<Socket> socket) {
    auto held = shared_from_this();
    strangers_.insert(socket);
    auto known = co_await greet(*socket, Role::push, clock_, clock_.now() + kPatience);
    strangers_.erase(socket);
    if (!known) co_return tell(known.error());
    if (open_) co_await serve(std::move(socket));
}

asio::awaitable<void> Pushing::dial() {
    co_await asio::post(executor_, asio::use_awaitable);
    Backoff backoff(kFirstPause, kLastPause);
    while (open_) {
        auto socket = co_await dialler_.dial(clock_, clock_.now() + kPatience);
        if (socket && open_) {
            trouble_.clear();
            backoff.reset();
            co_await serve(std::make_shared<Socket>(std::move(*socket)));
        } else if (!socket) {
            tell(socket.error());
        }
        co_await pause_.until(clock_, clock_.now() + backoff.next());
    }
}

/// Until the consumer goes.
asio::awaitable<void> Pushing::serve(std::shared_ptr<Socket> socket) {
    auto held = shared_from_this();
    consumers_.insert(socket);
    asio::co_spawn(executor_, watch(socket), asio::detached);
    while (open_ && socket->is_open())
        if (auto pushed = co_await push(*socket); !pushed) break;
    error_code ignored;
    socket->close(ignored);
    consumers_.erase(socket);
}

/// One token, once it can be sent and there is one.
asio::awaitable<Status> Pushing::push(Socket& socket) {
    auto [gone] = co_await socket.async_wait(Socket::wait_write, net::kAnswer);
    if (gone || !open_) co_return fail("gone");
    auto token = next();
    if (!token) {
        co_await waiting_.async_wait(net::kAnswer);
        co_return Status();
    }
    auto frame = frame_of(order_.url.transport, *token);
    auto [broken, sent] = co_await asio::async_write(socket, asio::buffer(frame), net::kAnswer);
    if (!broken) co_return Status();
    if (open_) {
        returned_ = std::move(token);
        wake();
    }
    co_return fail("gone");
}

/// A consumer says nothing, but it goes.
asio::awaitable<void> Pushing::watch(std::shared_ptr<Socket> socket) {
    auto held = shared_from_this();
    std::array<char, 64> unasked{};
    for (;;) {
        auto [code, size] = co_await socket->async_read_some(asio::buffer(unasked), net::kAnswer);
        if (code) break;
    }
    if (!socket->is_open()) co_return;
    error_code ignored;
    socket->close(ignored);
    wake();  // it may wait for a token
}

class Owner final : public Pusher {
  public:
    explicit Owner(std::shared_ptr<Pushing> pushing) : pushing_(std::move(pushing)) {}
    ~Owner() override { pushing_->close(); }
    void wake() override { pushing_->wake(); }
    size_t consumers() const override { return pushing_->consumers(); }

  private:
    std::shared_ptr<Pushing> pushing_;
};

}  // namespace

Result<std::unique_ptr<Pusher>> make_pusher(const Surroundings& around, PusherOrder order) {
    const bool dials = order.dials;
    auto pushing = std::make_shared<Pushing>(around, std::move(order));
    if (!dials)
        if (auto listening = pushing->listen(); !listening) return propagate(listening);
    pushing->start();
    return std::make_unique<Owner>(std::move(pushing));
}

}  // namespace weir::proto::sp
