// For tests: a source of its own, whose findings are kept, and time that moves by hand.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>

#include "base/fake_clock.h"
#include "discovery/source.h"

namespace weir::discovery {

class Recorder final : public Listener {
  public:
    void found(Set set) override {
        ++times_found;
        sets.push_back(set);
        last = std::move(set);
        error.clear();
    }
    void failed(const Error& why) override {
        ++times_failed;
        failures.push_back(why.message);
        error = why.message;
    }
    /// Of the last set, in order.
    std::vector<std::string> addresses() const {
        std::vector<std::string> all;
        for (const auto& member : last.members) all.push_back(member.address.text());
        std::ranges::sort(all);
        return all;
    }

    std::vector<Set> sets;
    std::vector<std::string> failures;
    int times_found = 0;
    int times_failed = 0;
    Set last;           // found
    std::string error;  // "" where it was found
};

class SourceTest : public testing::Test {
  protected:
    /// As the configuration would have it made; fails with what is wrong with the settings.
    Status make(const Kind& kind, model::SourceSpec spec) {
        spec.kind = kind.known.section->name;
        if (auto good = kind.known.check(spec); !good) return good;
        source_ = kind.make({context_.get_executor(), clock_}, spec, heard_);
        EXPECT_EQ(heard_.times_found + heard_.times_failed, 0) << "told before it was made";
        return {};
    }
    /// And begun.
    Status begin(const Kind& kind, model::SourceSpec spec) {
        auto made = make(kind, std::move(spec));
        clock_.settle();
        return made;
    }

    /// The loop runs, in the machine's time, until it holds; false if it never does.
    bool comes_true(const std::function<bool()>& condition) {
        auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (std::chrono::steady_clock::now() < latest) {
            if (condition()) return true;
            context_.restart();
            context_.run_one_for(std::chrono::milliseconds(20));
            clock_.settle();
        }
        return false;
    }

    /// Why the settings are not taken; "" if they are.
    static std::string mistake(const Kind& kind, const model::SourceSpec& spec) {
        auto good = kind.known.check(spec);
        return good ? "" : good.error().message;
    }

    /// In the machine's time, too; the fake clock stands still.
    bool run_until(const std::function<bool()>& condition) { return clock_.run_until(condition); }
    bool hears_set(size_t number) {
        return run_until([&] { return heard_.sets.size() >= number; });
    }
    bool hears_failure(size_t number) {
        return run_until([&] { return heard_.failures.size() >= number; });
    }

    /// The addresses that were found last, with their ports, in order.
    std::vector<std::string> found() const {
        std::vector<std::string> all;
        for (const auto& each : heard_.last.members)
            all.push_back(each.port ? net::Endpoint{each.address, *each.port}.text() : each.address.text());
        return all;
    }

    boost::asio::io_context context_;
    FakeClock clock_{context_};
    Recorder heard_;
    std::unique_ptr<Source> source_;
};

}  // namespace weir::discovery
