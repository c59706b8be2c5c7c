#include "discovery/avahi_poll.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <vector>

#include "base/unique_fd.h"

namespace weir::discovery {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre, testing::IsEmpty;

class AvahiPollTest : public testing::Test {
  protected:
    AvahiPollTest() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0)
            here_ = UniqueFd(ends[0]), there_ = UniqueFd(ends[1]);
    }
    ~AvahiPollTest() override {
        if (watch_) api().watch_free(watch_);
        if (timeout_) api().timeout_free(timeout_);
    }

    const AvahiPoll& api() { return *poll_.api(); }
    void watch(int events) {
        watch_ = api().watch_new(&api(), here_.get(), static_cast<AvahiWatchEvent>(events), on_event, this);
    }
    void update(int events) { api().watch_update(watch_, static_cast<AvahiWatchEvent>(events)); }
    void say(std::string_view text) {
        ASSERT_EQ(::write(there_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void read() {
        char buffer[64];
        EXPECT_GT(::read(here_.get(), buffer, sizeof buffer), 0);
    }
    void set_timer(std::chrono::milliseconds span) {
        timeval due{};
        ::gettimeofday(&due, nullptr);
        const auto microseconds = due.tv_usec + span.count() * 1000;
        due.tv_sec += microseconds / 1'000'000;
        due.tv_usec = microseconds % 1'000'000;
        set_timer(&due);
    }
    void set_timer(const timeval* due) {
        if (timeout_)
            api().timeout_update(timeout_, due);
        else
            timeout_ = api().timeout_new(&api(), due, on_time, this);
    }
    /// Until nothing has happened for a moment, or `calls` have come.
    void run(size_t calls) {
        context_.restart();
        while (events_.size() + times_ < calls && context_.run_one_for(5s) > 0) {
        }
        context_.restart();
        context_.poll();
    }

    static void on_event(AvahiWatch* watch, int fd, AvahiWatchEvent events, void* userdata) {
        auto& test = *static_cast<AvahiPollTest*>(userdata);
        EXPECT_EQ(fd, test.here_.get());
        EXPECT_EQ(test.api().watch_get_events(watch), events);
        test.events_.push_back(events);
        if (test.events_.size() > 100) test.context_.stop();
        if (test.then_) test.then_();
    }
    static void on_time(AvahiTimeout*, void* userdata) {
        auto& test = *static_cast<AvahiPollTest*>(userdata);
        ++test.times_;
        if (test.then_) test.then_();
    }

    boost::asio::io_context context_;
    AsioPoll poll_{context_.get_executor()};
    UniqueFd here_;
    UniqueFd there_;
    AvahiWatch* watch_ = nullptr;
    AvahiTimeout* timeout_ = nullptr;
    std::vector<int> events_;
    size_t times_ = 0;
    std::function<void()> then_;
};

TEST_F(AvahiPollTest, TellsWhatCanBeRead) {
    then_ = [this] { read(); };
    watch(AVAHI_WATCH_IN);
    context_.poll();
    EXPECT_THAT(events_, IsEmpty());
    say("x");
    run(1);
    say("y");
    run(2);
    EXPECT_THAT(events_, ElementsAre(AVAHI_WATCH_IN, AVAHI_WATCH_IN));
    EXPECT_EQ(api().watch_get_events(watch_), 0);
}

TEST_F(AvahiPollTest, TellsAgainWhatWasNotRead) {
    watch(AVAHI_WATCH_IN);
    say("x");
    then_ = [this] {
        if (events_.size() == 3) read();
    };
    run(3);
    EXPECT_EQ(events_.size(), 3u);
}

TEST_F(AvahiPollTest, TellsThatTheOtherEndIsClosedWhateverIsWaitedFor) {
    watch(0);
    context_.poll();
    there_.reset();
    then_ = [this] { api().watch_free(std::exchange(watch_, nullptr)); };
    run(1);
    ASSERT_EQ(events_.size(), 1u);
    EXPECT_TRUE(events_[0] & AVAHI_WATCH_HUP);
}

TEST_F(AvahiPollTest, WaitsForWhatItIsToldLast) {
    watch(AVAHI_WATCH_OUT);
    say("x");
    update(AVAHI_WATCH_IN);
    then_ = [this] { update(0); };
    run(1);
    EXPECT_THAT(events_, ElementsAre(AVAHI_WATCH_IN));
    then_ = [this] {
        read();
        update(0);
    };
    update(AVAHI_WATCH_IN | AVAHI_WATCH_OUT);
    run(2);
    EXPECT_THAT(events_, ElementsAre(AVAHI_WATCH_IN, AVAHI_WATCH_IN | AVAHI_WATCH_OUT));
}

TEST_F(AvahiPollTest, HasTwoWatchesOfOneDescriptor) {
    watch(AVAHI_WATCH_IN);
    auto* other = api().watch_new(&api(), here_.get(), AVAHI_WATCH_OUT, on_event, this);
    then_ = [this, other] { api().watch_update(other, {}); };
    run(1);
    EXPECT_THAT(events_, ElementsAre(AVAHI_WATCH_OUT));
    api().watch_free(other);
    then_ = [this] { read(); };
    say("x");
    run(2);
    EXPECT_THAT(events_, ElementsAre(AVAHI_WATCH_OUT, AVAHI_WATCH_IN));
}

TEST_F(AvahiPollTest, CallsForNothingThatIsFreed) {
    watch(AVAHI_WATCH_IN | AVAHI_WATCH_OUT);
    set_timer(0ms);
    say("x");
    api().watch_free(std::exchange(watch_, nullptr));
    api().timeout_free(std::exchange(timeout_, nullptr));
    context_.run();  // to the end: nothing is left to wait for
    EXPECT_THAT(events_, IsEmpty());
    EXPECT_EQ(times_, 0u);
}

TEST_F(AvahiPollTest, RefusesADescriptorThatIsNone) {
    EXPECT_EQ(api().watch_new(&api(), -1, AVAHI_WATCH_IN, on_event, this), nullptr);
}

TEST_F(AvahiPollTest, CallsOnceAtATimeOfDay) {
    const auto begin = std::chrono::steady_clock::now();
    set_timer(30ms);
    run(1);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 25ms);
    context_.restart();
    context_.run();  // and never again
    EXPECT_EQ(times_, 1u);
}

TEST_F(AvahiPollTest, CallsSoonWhereTheTimeIsPast) {
    const timeval begin_of_time{0, 0};
    set_timer(&begin_of_time);
    EXPECT_EQ(times_, 0u);  // not from within
    run(1);
    EXPECT_EQ(times_, 1u);
}

TEST_F(AvahiPollTest, ForgetsATimeThatIsTakenBack) {
    set_timer(0ms);
    set_timer(nullptr);
    context_.run();
    EXPECT_EQ(times_, 0u);
}

TEST_F(AvahiPollTest, TakesAnotherTimeFromWithinTheCall) {
    then_ = [this] {
        if (times_ < 3) set_timer(1ms);
    };
    set_timer(1ms);
    run(3);
    EXPECT_EQ(times_, 3u);
    then_ = [this] { api().timeout_free(std::exchange(timeout_, nullptr)); };
    set_timer(1ms);
    run(4);
    EXPECT_EQ(times_, 4u);
}

}  // namespace
}  // namespace weir::discovery
