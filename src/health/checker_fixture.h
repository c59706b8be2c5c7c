// A checker whose clock and probes are the test's.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "health/checker.h"

namespace weir::health {

/// Time that stands still until it is moved; who sleeps is woken in order, the alarm's owner as well.
class Time {
  public:
    explicit Time(boost::asio::io_context& context) : context_(context) {}

    std::chrono::steady_clock::time_point now() const { return now_; }
    size_t sleepers() const { return sleepers_.size() + (alarm_ ? 1 : 0); }

    void set_alarm(std::optional<std::chrono::steady_clock::time_point> due, std::function<void()> call) {
        alarm_.reset();
        if (due) alarm_.emplace(*due, std::move(call));
    }

    boost::asio::awaitable<void> sleep_until(std::chrono::steady_clock::time_point due) {
        boost::asio::steady_timer timer(context_, std::chrono::steady_clock::time_point::max());
        auto place = sleepers_.emplace(due, &timer);
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        sleepers_.erase(place);
    }

    void move(std::chrono::steady_clock::duration span) {
        auto until = now_ + span;
        settle();
        while (next() <= until) {
            now_ = std::max(now_, next());
            wake();
            settle();
        }
        now_ = until;
    }

    /// Time passes while the loop is busy with something else.
    void pass(std::chrono::steady_clock::duration span) { now_ += span; }

    /// As pass(), then whoever was to be woken first is; the loop does not run yet.
    void oversleep(std::chrono::steady_clock::duration span) {
        pass(span);
        wake();
    }

    void settle() {
        context_.restart();
        context_.poll();
    }

  private:
    std::chrono::steady_clock::time_point next() const {
        auto sleeper =
            sleepers_.empty() ? std::chrono::steady_clock::time_point::max() : sleepers_.begin()->first;
        return alarm_ ? std::min(sleeper, alarm_->first) : sleeper;
    }

    void wake() {
        if (alarm_ && alarm_->first == next())
            std::exchange(alarm_, std::nullopt)->second();
        else
            sleepers_.begin()->second->cancel();
    }

    boost::asio::io_context& context_;
    std::chrono::steady_clock::time_point now_{std::chrono::seconds(1000)};
    std::multimap<std::chrono::steady_clock::time_point, boost::asio::steady_timer*> sleepers_;
    std::optional<std::pair<std::chrono::steady_clock::time_point, std::function<void()>>> alarm_;
};

inline model::TargetKey target(int number) {
    return {{*net::Ip::parse("192.0.2.1"), net::Port(80), model::Protocol::tcp},
            net::Ip::v4({10, 0, static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)})};
}

inline model::Check tcp() {
    return {.kind = model::TcpCheck{}};
}
inline model::Check http(std::string path = "/") {
    return {.kind = model::HttpCheck{.path = std::move(path)}};
}

struct Probed {
    std::chrono::steady_clock::time_point at;
    model::TargetKey target;
    model::Check check;
};

class CheckerTest : public testing::Test {
  protected:
    CheckerTest() {
        World world;
        world.probe = [this](const model::Check& check, const model::TargetKey& of) {
            return probe(check, of);
        };
        world.now = [this] { return time_.now(); };
        world.alarm = [this](std::optional<std::chrono::steady_clock::time_point> due,
                             std::function<void()> call) { time_.set_alarm(due, std::move(call)); };
        world.seed = 1;
        checker_.emplace(context_.get_executor(), std::move(world), [this] {
            EXPECT_FALSE(in_set_);
            changes_++;
            if (on_change_) on_change_();
        });
    }

    boost::asio::awaitable<Result<Outcome>> probe(const model::Check& check, const model::TargetKey& of) {
        probed_.push_back({time_.now(), of, check});
        running_++;
        co_await time_.sleep_until(time_.now() + duration_);
        running_--;
        if (thrown_) throw std::runtime_error(*thrown_);
        if (lacking_) co_return fail("{}", *lacking_);
        bool ok = !failing_.contains(of) && !failing_kinds_.contains(check.kind.index());
        co_return Outcome{ok, ok ? "L7OK/200" : "L7STS/503", std::chrono::microseconds(1234),
                          std::chrono::system_clock::now(), expiring_};
    }

    void set(const Checker::Work& work) {
        in_set_ = true;
        checker_->set(work);
        in_set_ = false;
    }

    Checked checked(int number = 1) { return checker_->checked().at(target(number)); }
    bool up(int number = 1) { return checked(number).health.up; }
    std::string reason(int number = 1) { return checked(number).health.reason; }

    boost::asio::io_context context_;
    Time time_{context_};
    std::optional<Checker> checker_;
    std::set<model::TargetKey> failing_;
    std::optional<std::string> lacking_, thrown_;
    std::set<size_t> failing_kinds_;  // index in Check::kind
    std::function<void()> on_change_;
    std::vector<Probed> probed_;
    std::chrono::steady_clock::duration duration_ = std::chrono::milliseconds(1);
    std::string expiring_;
    int running_ = 0;
    int changes_ = 0;
    bool in_set_ = false;
};

}  // namespace weir::health
