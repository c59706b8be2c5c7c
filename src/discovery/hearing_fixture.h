// For tests of sources: one of a kind, made from its settings, and what it says.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "base/fake_clock.h"
#include "discovery/source.h"

namespace weir::discovery {

struct Heard final : Listener {
    void found(Set set) override { sets.push_back(std::move(set)); }
    void failed(const Error& why) override { failures.push_back(why.message); }

    std::vector<std::string> addresses() const {
        std::vector<std::string> all;
        if (!sets.empty())
            for (const auto& member : sets.back().members) all.push_back(member.address.text());
        std::ranges::sort(all);
        return all;
    }

    std::vector<Set> sets;
    std::vector<std::string> failures;
};

class HearingTest : public testing::Test {
  protected:
    /// True in the machine's time; the fake clock stands still.
    bool run_until(const std::function<bool()>& condition) { return clock_.run_until(condition); }
    bool hears_set(size_t number) {
        return run_until([&] { return heard_.sets.size() >= number; });
    }
    bool hears_failure(size_t number) {
        return run_until([&] { return heard_.failures.size() >= number; });
    }
    /// Why the settings are not taken; "" if they are.
    static std::string mistake(const Kind& kind, const model::SourceSpec& spec) {
        auto status = kind.known.check(spec);
        return status ? "" : status.error().message;
    }
    void make(const Kind& kind, const model::SourceSpec& spec) {
        ASSERT_EQ(mistake(kind, spec), "");
        source_ = kind.make({context_.get_executor(), clock_}, spec, heard_);
    }

    boost::asio::io_context context_;
    FakeClock clock_{context_};
    Heard heard_;
    std::unique_ptr<Source> source_;
};

}  // namespace weir::discovery
