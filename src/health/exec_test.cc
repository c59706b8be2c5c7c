// Programs that run for a check, and what they can and cannot do.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "health/place.h"
#include "health/probe_fixture.h"

namespace weir::health {
namespace {

/// No zombie of this process's, either.
bool nobody_is_left() {
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD;
}

class Exec : public Probe {
  protected:
    ~Exec() override {
        if (!pipe_.empty()) std::filesystem::remove(pipe_);
    }

    static model::Check shell(std::string script) {
        model::ExecCheck exec{.command = {"/bin/sh", "-c", std::move(script)}};
        if (geteuid() != 0) exec.user = geteuid(), exec.group = getegid();
        return {.kind = std::move(exec), .timeout = 20s};
    }

    /// The same, all of whose processes hold one end of a pipe, whatever else becomes of them. `$begun` tells
    /// the other end.
    model::Check watched(const std::string& script) {
        pipe_ = fmt::format("/tmp/weir-test-{}", getpid());
        mkfifo(pipe_.c_str(), 0600);
        chmod(pipe_.c_str(), 0666);
        other_end_ = UniqueFd(open(pipe_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        return shell(fmt::format("exec 9>{}; begun='echo >&9'; {}", pipe_, script));
    }
    bool has_begun() {
        char byte = 0;
        return begun_ = begun_ || read(other_end_.get(), &byte, 1) == 1;
    }
    bool is_alive() {
        char byte = 0;
        return read(other_end_.get(), &byte, 1) != 0;
    }

    /// As run(), but time passes once the program says that it has begun.
    Outcome run_out_of_time(const model::Check& check) {
        std::optional<Outcome> outcome;
        asio::co_spawn(context_, probe(check, target_, path_, clock_),
                       [&outcome](const std::exception_ptr&, Result<Outcome> result) {
                           outcome = result.value_or(Outcome{});
                       });
        EXPECT_TRUE(comes_true([this] { return has_begun(); }));
        EXPECT_FALSE(outcome);
        clock_.move(check.timeout);
        EXPECT_TRUE(outcome);
        return outcome.value_or(Outcome{});
    }

    /// Lets what was left to do be done until `condition` holds.
    bool comes_true(const std::function<bool()>& condition) {
        auto deadline = std::chrono::steady_clock::now() + 30s;
        while (!condition() && std::chrono::steady_clock::now() < deadline) {
            context_.restart();
            context_.poll();
            std::this_thread::sleep_for(5ms);
        }
        return condition();
    }

    std::string pipe_;
    UniqueFd other_end_;
    bool begun_ = false;
};

TEST_F(Exec, IsJudgedByTheExitCode) {
    auto good = run(shell("exit 0"));
    EXPECT_TRUE(good.ok);
    EXPECT_EQ(good.message, "EXOK");
    auto bad = run(shell("exit 3"));
    EXPECT_FALSE(bad.ok);
    EXPECT_EQ(bad.message, "EXERR/3");
    EXPECT_EQ(message(shell("kill -9 $$")), "EXSIG/9");
}

TEST_F(Exec, SaysTheFirstLineOfTheOutput) {
    EXPECT_EQ(message(shell("echo all is well; echo more")), "EXOK: all is well");
    EXPECT_EQ(message(shell("echo disk full >&2; exit 1")), "EXERR/1: disk full");
    EXPECT_EQ(message(shell("printf 'a\\033[1m\\n'")), "EXOK: a\\x1b[1m");
    EXPECT_EQ(message(shell("head -c 200000 /dev/zero | tr '\\0' a")), "EXOK: " + std::string(60, 'a') + "…");
}

TEST_F(Exec, SaysWhyItCannotRun) {
    auto check = shell("");
    std::get<model::ExecCheck>(check.kind).command = {"/nonexistent/program"};
    EXPECT_EQ(message(check), "EXERR/127: cannot run it: No such file or directory");
}

TEST_F(Exec, KnowsItsTarget) {
    auto check = shell("echo $WEIR_VIP $WEIR_PORT $WEIR_PROTOCOL $WEIR_BACKEND $WEIR_BACKEND_PORT");
    std::get<model::ExecCheck>(check.kind).backend_port = net::Port(8000);
    EXPECT_EQ(message(check), "EXOK: 192.0.2.1 80 tcp 192.0.2.10 8000");
    check.port = net::Port(8080);
    EXPECT_EQ(message(check), "EXOK: 192.0.2.1 8080 tcp 192.0.2.10 8000");
}

TEST_F(Exec, SeesNothingOfTheBalancers) {
    setenv("WEIR_TEST_SECRET", "secret", 1);
    EXPECT_EQ(message(shell("echo ${WEIR_TEST_SECRET:-none}")), "EXOK: none");
    unsetenv("WEIR_TEST_SECRET");
    UniqueFd inherited(open("/dev/null", O_RDONLY));
    EXPECT_EQ(message(shell("echo $(ls /proc/self/fd)")), "EXOK: 0 1 2 3");  // 3 is ls's own
    EXPECT_EQ(message(shell("read line || echo nothing to read")), "EXOK: nothing to read");
    EXPECT_EQ(message(shell("pwd")), "EXOK: /");
}

TEST_F(Exec, IsShutIn) {
    EXPECT_EQ(message(shell("id -u")), fmt::format("EXOK: {}", geteuid() == 0 ? 65534 : geteuid()));
    if (geteuid() == 0) {
        EXPECT_EQ(message(shell("id -G")), "EXOK: 65534");
    }
    EXPECT_EQ(message(shell("grep -c 'NoNewPrivs:.1' /proc/self/status")), "EXOK: 1");
    EXPECT_EQ(message(shell("grep -c 'CapEff:.0*$' /proc/self/status")), "EXOK: 1");
    EXPECT_EQ(message(shell("test $(cut -d' ' -f6 /proc/$$/stat) = $$")), "EXOK") << "its own session";
    EXPECT_EQ(message(shell("ulimit -c; ulimit -n")), "EXOK: 0");
    EXPECT_EQ(message(shell("ulimit -n")), "EXOK: 256");
}

TEST_F(Exec, TakesItsChildrenAlongAtTheTimeout) {
    auto check = watched("sleep 1000 & eval $begun; wait");
    auto outcome = run_out_of_time(check);
    EXPECT_FALSE(outcome.ok);
    EXPECT_EQ(outcome.message, "EXTOUT");
    EXPECT_EQ(outcome.latency, check.timeout);
    EXPECT_TRUE(comes_true([this] { return !is_alive(); }));
    EXPECT_TRUE(comes_true(nobody_is_left)) << "a zombie is left";
}

TEST_F(Exec, TakesAlongAtTheTimeoutWhatHasBecomeADaemon) {
    if (geteuid() != 0) GTEST_SKIP() << "only root may make PID namespaces";
    auto check = watched("setsid sh -c 'setsid sleep 1000 &'; eval $begun; sleep 1000");
    EXPECT_EQ(run_out_of_time(check).message, "EXTOUT");
    EXPECT_TRUE(comes_true([this] { return !is_alive(); }));
    EXPECT_TRUE(comes_true(nobody_is_left)) << "a zombie is left";
}

TEST_F(Exec, LeavesNoChildBehindThatWorksOn) {
    EXPECT_EQ(message(watched("sleep 1000 & eval $begun")), "EXOK");
    ASSERT_TRUE(has_begun());
    EXPECT_TRUE(comes_true([this] { return !is_alive(); }));
}

TEST_F(Exec, SeesNoOtherProcesses) {
    if (geteuid() != 0) GTEST_SKIP() << "only root may make PID namespaces";
    EXPECT_EQ(message(shell(fmt::format("test -e /proc/{} || echo $$", getpid()))), "EXOK: 2");
    EXPECT_EQ(message(shell("kill -9 1; echo still here")), "EXOK: still here") << "1 waits for the program";
}

TEST_F(Exec, EndsWhenItsProbeIsCancelled) {
    auto check = watched("eval $begun; exec sleep 1000");
    asio::cancellation_signal cancel;
    std::exception_ptr thrown;
    asio::co_spawn(
        context_, probe(check, target_, path_, clock_),
        asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr error, const Result<Outcome>&) { thrown = error; }));
    ASSERT_TRUE(comes_true([this] { return has_begun(); }));
    EXPECT_TRUE(is_alive());
    cancel.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(comes_true([&thrown] { return thrown != nullptr; }));
    EXPECT_TRUE(comes_true([this] { return !is_alive(); }));
    EXPECT_TRUE(comes_true(nobody_is_left));
}

asio::awaitable<void> take(std::optional<Place>& place, Clock& clock, Clock::Time deadline) {
    place.emplace(co_await Place::take(clock, deadline));
}

TEST_F(Exec, WaitsForOneOfItsPlaces) {
    auto later = clock_.now() + 60s;
    std::vector<std::optional<Place>> taken(Place::kPlaces);
    for (auto& place : taken) asio::co_spawn(context_, take(place, clock_, later), asio::detached);
    std::optional<Place> next, hasty, last;
    asio::co_spawn(context_, take(next, clock_, later), asio::detached);
    asio::co_spawn(context_, take(hasty, clock_, clock_.now() + 20ms), asio::detached);
    asio::co_spawn(context_, take(last, clock_, later), asio::detached);
    clock_.move(19ms);
    EXPECT_FALSE(hasty);
    clock_.move(1ms);
    ASSERT_TRUE(hasty);
    for (const auto& place : taken) EXPECT_TRUE(place && *place);
    EXPECT_FALSE(*hasty) << "there was none";
    EXPECT_FALSE(next || last);
    taken[5].reset();
    clock_.settle();
    EXPECT_TRUE(next && *next);
    EXPECT_FALSE(last);
    taken[6].reset();
    clock_.settle();
    EXPECT_TRUE(last && *last);
}

}  // namespace
}  // namespace weir::health
