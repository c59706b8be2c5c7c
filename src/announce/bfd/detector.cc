#include "announce/bfd/detector.h"

#include <pthread.h>
#include <sched.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <system_error>
#include <thread>

#include "base/log.h"

namespace weir::announce::bfd {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kTell = 1s;
constexpr auto kLookAgain = 5ms;
constexpr auto kAgree = 500ms;  // for peers to agree to wait

/// Before everything that has no real-time priority. It has next to nothing to do, so nobody suffers.
void hurry() {
    sched_param lowest{};
    lowest.sched_priority = ::sched_get_priority_min(SCHED_RR);
    if (int error = ::pthread_setschedparam(::pthread_self(), SCHED_RR, &lowest); error != 0)
        spdlog::debug("BFD has no real-time priority: {}", std::generic_category().message(error));
}

/// Signals are for the control thread.
void leave_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

/// What is to be done on the thread is posted to it.
class Detector::Worker {
  public:
    using Tell = std::function<void(Seen seen, std::optional<Change> change)>;

    explicit Worker(Tell tell) : tell_(std::move(tell)) {
        thread_ = std::thread([this] { run(); });
    }
    ~Worker() {
        try {
            post([this] {
                transport_.set({});
                io_.stop();
            });
        } catch (...) {  // for want of memory: without farewells, then
            io_.stop();
        }
        if (thread_.joinable()) thread_.join();
    }

    template <class Work>
    void post(Work work) {
        asio::post(io_, std::move(work));
    }

    void set(const std::vector<Wanted>& wanted, const ParkedSessions& parked) {
        transport_.set(wanted, parked);
        tell();
    }
    void park(Session::Duration patience, std::function<void(ParkedSessions)> done) {
        transport_.park(patience);
        await_parked(Clock::now() + kAgree, std::move(done));
    }

  private:
    void run() {
        ::pthread_setname_np(::pthread_self(), "weir-bfd");
        leave_signals();
        hurry();
        io_.run();
    }

    void tell() {
        tell_(transport_.seen(), std::nullopt);
        telling_.expires_after(kTell);
        telling_.async_wait([this](error_code error) {
            if (!error) tell();
        });
    }

    void await_parked(Clock::time_point until, std::function<void(ParkedSessions)> done) {
        if (transport_.is_parked() || Clock::now() >= until) return done(transport_.take_parked());
        parking_.expires_after(kLookAgain);
        parking_.async_wait([this, until, done = std::move(done)](error_code error) {
            if (!error) await_parked(until, done);
        });
    }

    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
    Tell tell_;
    Transport transport_{io_.get_executor(),
                         [this](const Change& change) { tell_(transport_.seen(), change); }};
    asio::steady_timer telling_{io_};
    asio::steady_timer parking_{io_};
    std::thread thread_;
};

Detector::Detector(asio::any_io_executor executor, Transport::OnChange on_change)
    : executor_(std::move(executor)), on_change_(std::move(on_change)) {}

Detector::~Detector() {
    end();
}

void Detector::set(std::vector<Wanted> wanted) {
    auto parked = std::exchange(resumed_, {});
    if (ended_ || wanted == wanted_) return;
    wanted_ = wanted;
    if (!worker_) start();
    worker_->post([worker = worker_.get(), wanted = std::move(wanted), parked = std::move(parked)] {
        worker->set(wanted, parked);
    });
}

/// What is posted back finds nobody once this object is gone.
void Detector::start() {
    auto tell = [this, executor = executor_, alive = std::weak_ptr(alive_)](Seen seen,
                                                                            std::optional<Change> change) {
        asio::post(executor, [this, alive, seen = std::move(seen), change] {
            if (alive.expired()) return;
            seen_ = seen;
            if (change) on_change_(*change);
        });
    };
    worker_ = std::make_unique<Worker>(std::move(tell));
}

void Detector::park(std::chrono::seconds patience, std::function<void(ParkedSessions)> done) {
    ended_ = true;
    auto tell = [executor = executor_, alive = std::weak_ptr(alive_),
                 done = std::move(done)](ParkedSessions parked) {
        asio::post(executor, [alive, done, parked = std::move(parked)] {
            if (!alive.expired()) done(parked);
        });
    };
    if (!worker_) return tell({});
    worker_->post(
        [worker = worker_.get(), patience, tell = std::move(tell)] { worker->park(patience, tell); });
}

void Detector::end() {
    ended_ = true;
    worker_.reset();
}

}  // namespace weir::announce::bfd
