#include "app/token_proxy.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <future>
#include <thread>

#include "app/process.h"
#include "base/background.h"
#include "base/clock.h"
#include "engine/proxy/worker.h"
#include "proto/sp.h"

namespace weir::app {
namespace {

namespace asio = boost::asio;
using namespace engine::proxy;

constexpr size_t kPrefetched = 8;  // tokens that wait for a connection, beside those that a puller holds

class TokenProxy {
  public:
    explicit TokenProxy(const cli::ProxyOptions& options) : options_(options) {}

    Status start();
    void run();

  private:
    std::shared_ptr<const Snapshot> snapshot() const;
    Status listen();
    void refill();
    bool refill_from(proto::sp::Puller& queue, size_t most);
    void refill_later();

    const cli::ProxyOptions& options_;
    asio::io_context context_{1};
    SystemClock clock_{context_.get_executor()};
    std::atomic<bool> refill_is_due_ = false;
    std::shared_ptr<Tokens> tokens_ = std::make_shared<Tokens>(kPrefetched, [this] { refill_later(); });
    std::vector<std::unique_ptr<proto::sp::Puller>> queues_;  // the preferred one first
    Shared shared_;
    std::vector<std::unique_ptr<Worker>> workers_;  // end before what they use
};

Status TokenProxy::start() {
    std::vector<proto::sp::Url> urls;
    for (const auto& text : options_.urls) {
        auto url = proto::sp::Url::parse(text);
        if (!url) return propagate(url);
        urls.push_back(*std::move(url));
    }
    std::optional<Background> background;
    if (options_.background) {
        auto begun = Background::begin();
        if (!begun) return propagate(begun);
        background = std::move(*begun);
    }
    for (const auto& url : urls)
        queues_.push_back(proto::sp::make_puller(
            {context_.get_executor(), clock_},
            {.url = url,
             .changed = [this] { refill(); },
             .trouble = [text =
                             url.text()](const Error& why) { spdlog::warn("{}: {}", text, why.message); }}));
    auto listening = listen();
    return listening && background ? background->settle() : listening;
}

std::shared_ptr<const Snapshot> TokenProxy::snapshot() const {
    auto route = std::make_shared<Route>();
    route->key = {options_.front.address, options_.front.port};
    route->service = "proxy";
    route->settings.queue_timeout = options_.wait;
    route->settings.retries = options_.retries;
    route->tokens = tokens_;
    route->tallies = std::make_shared<Tallies>(workers_.size());
    route->budget = std::make_shared<Budget>();
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->number = 1;
    snapshot->routes.push_back(std::move(route));
    return snapshot;
}

Status TokenProxy::listen() {
    const size_t count = options_.every_core ? std::max(1U, std::thread::hardware_concurrency()) : 1;
    for (size_t i = 0; i < count; ++i) {
        auto worker = Worker::start(i, shared_);
        if (!worker) return propagate(worker);
        workers_.push_back(std::move(*worker));
    }
    const auto all = snapshot();
    for (auto& worker : workers_) {
        auto answer = std::make_shared<std::promise<Deaf>>();
        worker->set(all, [answer](Deaf deaf) { answer->set_value(std::move(deaf)); });
        const auto deaf = answer->get_future().get();
        if (!deaf.empty()) return fail("{}", deaf.begin()->second);
    }
    return {};
}

/// From any worker.
void TokenProxy::refill_later() {
    if (!refill_is_due_.exchange(true)) asio::post(context_, [this] { refill(); });
}

bool TokenProxy::refill_from(proto::sp::Puller& queue, size_t most) {
    bool any = false;
    for (; most > 0; --most) {
        auto token = queue.take();
        if (!token) break;
        auto backend = net::Endpoint::parse(*token);
        if (backend)
            tokens_->put(*backend);
        else
            spdlog::warn("the token '{}' is no ADDRESS:PORT; it is left out", *token);
        any = any || backend.has_value();
    }
    return any;
}

/// A queue behind the first gives no more than somebody waits for.
void TokenProxy::refill() {
    refill_is_due_ = false;
    if (queues_.empty()) return;
    bool any = refill_from(*queues_.front(), tokens_->room());
    for (size_t i = 1; i < queues_.size() && !any && tokens_->is_wanted(); ++i)
        any = refill_from(*queues_[i], 1);
}

void TokenProxy::run() {
    asio::signal_set signals(context_, SIGTERM, SIGINT);
    signals.async_wait([this](auto, int) { context_.stop(); });
    context_.run();
    workers_.clear();
    for (size_t i = 0; i < kReasons; ++i)
        if (const auto count = shared_.refused[i].load(); count > 0)
            spdlog::info("{} connections were not served, or not to the end: {}", count,
                         to_text(static_cast<Reason>(i)));
}

}  // namespace

Status run_token_proxy(const cli::ProxyOptions& options) {
    set_up_process();
    TokenProxy proxy(options);
    if (auto started = proxy.start(); !started) return started;
    proxy.run();
    return {};
}

}  // namespace weir::app
