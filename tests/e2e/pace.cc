#include "tests/e2e/pace.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lab/wait.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPrompt = 200ms;

/// Never less than it is.
milliseconds passed_since(Moment since) {
    return std::chrono::ceil<milliseconds>(steady_clock::now() - since);
}

}  // namespace

bool Pace::await(Moment since, const std::function<bool()>& is_in_force) {
    if (!lab::wait_until(is_in_force, kSoon)) return false;
    took_.push_back(passed_since(since));
    return true;
}

testing::AssertionResult Pace::is_prompt(const std::string& what) const {
    std::vector<int64_t> all;
    for (auto each : took_) all.push_back(each.count());
    const auto text = fmt::format("{}: {} ms", what, fmt::join(all, ", "));
    fmt::print("{}\n", text);
    if (took_.size() < kChanges) return testing::AssertionFailure() << text << ": too few changes";
    if (std::ranges::min(took_) > kPrompt)
        return testing::AssertionFailure() << text << ": none within " << kPrompt.count() << " ms";
    return testing::AssertionSuccess();
}

void print_span(const std::string& what, Moment since) {
    fmt::print("{}: {} ms\n", what, passed_since(since).count());
}

}  // namespace weir::e2e
