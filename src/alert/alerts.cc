#include "alert/alerts.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <random>
#include <utility>

#include "alert/post.h"
#include "model/tiers.h"
#include "net/answer.h"

namespace weir::alert {

namespace asio = boost::asio;
using control::AlertRow;
using control::SystemTime;

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Post::Chance chance() {
    return [random = std::minstd_rand(std::random_device{}())]() mutable {
        return std::uniform_real_distribution<>()(random);
    };
}

/// Whether the configuration still has what a subject is about.
bool has(const model::Config& config, const Subject& subject) {
    auto is_peer = [&](const model::BgpPeer& peer) { return peer.address == *subject.peer; };
    if (subject.peer) return std::ranges::any_of(config.bgp.peers, is_peer);
    if (!subject.frontend) return true;
    auto service = config.services.find(subject.service);
    if (service == config.services.end()) return false;
    auto frontends = model::frontends_of(service->second);
    if (std::ranges::find(frontends, *subject.frontend) == frontends.end()) return false;
    auto is_it = [&](const model::Member& member) { return member.backend->address == *subject.backend; };
    return !subject.backend || std::ranges::any_of(model::members_of(config, service->second), is_it);
}

/// What one coroutine works with.
struct Work {
    std::unique_ptr<Sink> sink;
    bool stopped = false;
    asio::cancellation_signal cancel;
};

}  // namespace

struct Alerts::Running {
    Running(const asio::any_io_executor& executor, Clock& time, std::string of, const model::Alert& what)
        : name(std::move(of)), alert(what), clock(time), post(what, chance()), sleep(executor) {}

    void start(const asio::any_io_executor& executor, std::unique_ptr<Sink> sink,
               const std::shared_ptr<Running>& self);
    void stop();
    void take(const Delivery& delivery);
    AlertRow row() const;

    static asio::awaitable<void> keep_delivering(std::shared_ptr<Running> running,
                                                 std::shared_ptr<Work> work);

    const std::string name;
    model::Alert alert;
    Clock& clock;
    Post post;
    Sleep sleep;  // ends when there may be something to do
    std::shared_ptr<Work> work;
};

void Alerts::Running::start(const asio::any_io_executor& executor, std::unique_ptr<Sink> sink,
                            const std::shared_ptr<Running>& self) {
    work = std::make_shared<Work>(std::move(sink));
    auto ended = [work = work](const std::exception_ptr& thrown) {
        if (thrown && !work->stopped) std::rethrow_exception(thrown);
    };
    asio::co_spawn(executor, keep_delivering(self, work),
                   asio::bind_cancellation_slot(work->cancel.slot(), std::move(ended)));
}

/// What is being delivered is not, and stays.
void Alerts::Running::stop() {
    auto at_work = std::exchange(work, nullptr);
    at_work->stopped = true;
    at_work->cancel.emit(asio::cancellation_type::terminal);
    post.interrupt();
}

asio::awaitable<void> Alerts::Running::keep_delivering(std::shared_ptr<Running> running,
                                                       std::shared_ptr<Work> work) {
    while (!work->stopped) {
        auto message = running->post.next(running->clock.now());
        if (!message) {
            auto due = running->post.wake_at().value_or(Clock::Time::max());
            co_await running->sleep.until(running->clock, due);
            continue;
        }
        Delivery delivery;
        try {
            delivery = co_await work->sink->deliver(*message);
        } catch (const std::exception& error) {
            delivery.failure = error.what();
        }
        if (!work->stopped) running->take(delivery);
    }
}

/// The log has the beginning and the end of a failure, and each time that it becomes another.
void Alerts::Running::take(const Delivery& delivery) {
    auto former = post.row().error;
    post.take(delivery, clock.now());
    if (delivery.ok() && !former.empty()) spdlog::info("alert {} is delivered again", name);
    if (!delivery.ok() && (delivery.failure != former || !delivery.again))
        spdlog::warn("alert {} cannot be delivered{}: {}", name, delivery.again ? "" : " and is given up",
                     delivery.failure);
}

AlertRow Alerts::Running::row() const {
    auto row = post.row();
    row.name = name;
    if (auto since = post.failing_since())
        row.failing_since = std::chrono::system_clock::now() -
                            std::chrono::duration_cast<SystemTime::duration>(clock.now() - *since);
    return row;
}

Alerts::Alerts(asio::any_io_executor executor, Clock& clock)
    : Alerts(std::move(executor), clock,
             [node = host_name(), &clock](const std::string& name, const model::Alert& alert) {
                 return make_sink(alert, {name, node, WEIR_VERSION, ::getpid()}, clock);
             }) {}

Alerts::Alerts(asio::any_io_executor executor, Clock& clock, MakeSink make_sink)
    : executor_(std::move(executor)), clock_(clock), make_sink_(std::move(make_sink)) {}

Alerts::~Alerts() {
    for (const auto& [name, running] : running_) running->stop();
}

void Alerts::set(const model::Config& config) {
    std::erase_if(running_, [&](const auto& entry) {
        if (config.alerts.contains(entry.first)) return false;
        auto& [name, running] = entry;
        running->stop();
        if (auto waiting = running->post.row().waiting; waiting > 0)
            spdlog::warn("alert {}: {} events are lost, because the configuration has it no more", name,
                         waiting);
        return true;
    });
    for (const auto& [name, alert] : config.alerts) {
        auto& running = running_[name];
        if (!running) {
            running = std::make_shared<Running>(executor_, clock_, name, alert);
            running->post.recall(std::move(recalled_[name]));
            running->start(executor_, make_sink_(name, alert), running);
        } else if (running->alert != alert) {
            running->stop();
            running->alert = alert;
            running->post.set(alert);
            running->start(executor_, make_sink_(name, alert), running);
        }
        running->post.keep_only([&](const Subject& subject) { return has(config, subject); });
    }
    recalled_.clear();
}

void Alerts::tell(const control::Event& event) {
    auto now = clock_.now();
    for (const auto& [name, running] : running_) {
        running->post.hear(event, now);
        running->sleep.wake();
    }
}

void Alerts::assume(const control::Event& event) {
    for (const auto& [name, running] : running_) running->post.assume(event);
}

std::vector<AlertRow> Alerts::rows() const {
    std::vector<AlertRow> rows;
    rows.reserve(running_.size());
    for (const auto& [name, running] : running_) rows.push_back(running->row());
    return rows;
}

void Alerts::finish() {
    for (const auto& [name, running] : running_) {
        running->post.finish(clock_.now());
        running->sleep.wake();
    }
}

Unsent Alerts::unsent() const {
    Unsent unsent;
    for (const auto& [name, running] : running_)
        if (auto events = running->post.unsent(); !events.empty()) unsent.emplace(name, std::move(events));
    return unsent;
}

bool Alerts::is_empty() const {
    return std::ranges::all_of(running_, [](const auto& entry) { return entry.second->post.is_empty(); });
}

}  // namespace weir::alert
