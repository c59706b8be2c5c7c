#include "lab/outage.h"

#include <gtest/gtest.h>

namespace weir::lab {
namespace {

using Clock = std::chrono::steady_clock;

const Clock::time_point kZero{};

Answer answer(Duration started, Duration ended, bool ok, const std::string& text = "a") {
    return {kZero + started, kZero + ended, ok, text};
}

TEST(Outage, CountsAFailureByWhenTheRequestBegan) {
    const std::vector<Answer> answers = {answer(10ms, 20ms, true), answer(90ms, 110ms, false),
                                         answer(150ms, 900ms, false), answer(200ms, 210ms, false, "refused"),
                                         answer(300ms, 301ms, true, "b")};
    const Outage outage = outage_of(answers, kZero + 100ms, kZero + 200ms);
    EXPECT_EQ(outage.failed_until_noticed, 2u);
    EXPECT_EQ(outage.failed_otherwise, 1u);
    EXPECT_EQ(outage.first_error, "refused");
    EXPECT_EQ(outage.since, (std::map<std::string, size_t>{{"b", 1}}));
}

TEST(Outage, AFailureBeforeTheChangeIsNotExcused) {
    EXPECT_EQ(outage_of({answer(10ms, 20ms, false)}, kZero + 100ms, kZero + 200ms).failed_otherwise, 1u);
}

TEST(Outage, SlowestIsOfThoseUnderWay) {
    const std::vector<Answer> answers = {answer(0ms, 99ms, true), answer(150ms, 180ms, true),
                                         answer(200ms, 300ms, true)};
    EXPECT_EQ(outage_of(answers, kZero + 100ms, kZero + 200ms).slowest, 30ms);
}

}  // namespace
}  // namespace weir::lab
