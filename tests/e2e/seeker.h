// One source by itself on a host of the lab, without a daemon: what it finds, in the machine's time. Time can
// also be let pass at once, so that nobody waits for what takes long.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "base/fake_clock.h"
#include "discovery/source_fixture.h"
#include "lab/host.h"
#include "lab/wait.h"

namespace weir::e2e {

class Seeker {
  public:
    using Settings = std::map<std::string, model::SourceSpec::Value, std::less<>>;

    Seeker(lab::Host& host, const discovery::Kind& kind, Settings settings) : host_(host) {
        model::SourceSpec spec{std::string(kind.known.section->name), std::move(settings)};
        auto good = kind.known.check(spec);
        EXPECT_TRUE(good) << good.error().message;
        if (good) source_ = kind.make({context_.get_executor(), clock_}, spec, heard_);
    }
    ~Seeker() {
        source_.reset();
        clock_.settle();
    }
    Seeker(const Seeker&) = delete;

    /// False if it does not come true within `limit` of the machine's time.
    [[nodiscard]] bool until(const std::function<bool()>& condition,
                             lab::Duration limit = std::chrono::seconds(20)) {
        lab::InNetns inside(host_.netns());
        const auto begin = std::chrono::steady_clock::now();
        for (auto last = begin; !condition();) {
            context_.restart();
            context_.run_one_for(std::chrono::milliseconds(5));
            auto now = std::chrono::steady_clock::now();
            clock_.move(now - last);
            last = now;
            if (now - begin > limit) return condition();
            lab::throw_if_interrupted();
        }
        return true;
    }
    /// These addresses, in the order of their text.
    [[nodiscard]] bool finds(const std::vector<std::string>& addresses) {
        return until([&] { return has(addresses); });
    }
    bool has(const std::vector<std::string>& addresses) const {
        return !heard_.sets.empty() && heard_.addresses() == addresses;
    }
    [[nodiscard]] bool fails(size_t times) {
        return until([&] { return heard_.failures.size() >= times; });
    }
    /// As until(), with seconds that pass faster than the machine's: for what comes after long pauses.
    [[nodiscard]] bool later(const std::function<bool()>& condition) {
        for (int second = 0; second < 60 && !condition(); second++) {
            let_pass(std::chrono::seconds(1));
            (void)until(condition, std::chrono::milliseconds(300));
        }
        return condition();
    }
    /// Nothing comes from outside meanwhile.
    void let_pass(Clock::Duration span) {
        lab::InNetns inside(host_.netns());
        clock_.move(span);
    }

    const discovery::Recorder& heard() const { return heard_; }
    std::string last_failure() const { return heard_.failures.empty() ? "" : heard_.failures.back(); }

  private:
    lab::Host& host_;
    boost::asio::io_context context_;
    FakeClock clock_{context_};
    discovery::Recorder heard_;
    std::unique_ptr<discovery::Source> source_;
};

}  // namespace weir::e2e
