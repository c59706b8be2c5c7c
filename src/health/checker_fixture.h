// A checker whose clock and probes are the test's.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <set>

#include "base/fake_clock.h"
#include "health/checker.h"

namespace weir::health {

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
        World world{.clock = time_,
                    .probe = [this](const model::Check& check,
                                    const model::TargetKey& of) { return probe(check, of); },
                    .seed = 1};
        checker_.emplace(context_.get_executor(), std::move(world), [this] {
            EXPECT_FALSE(in_set_);
            changes_++;
            if (on_change_) on_change_();
        });
    }

    boost::asio::awaitable<Result<Outcome>> probe(const model::Check& check, const model::TargetKey& of) {
        probed_.push_back({time_.now(), of, check});
        running_++;
        Sleep sleep(context_.get_executor());
        co_await sleep.until(time_, time_.now() + duration_);
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
    FakeClock time_{context_};
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
