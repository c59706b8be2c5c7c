// How soon changes are in force: from one in a source to the plan of the datapath. Of a source that tells
// them at once the best of several is measured, for a single one says little on a machine that is busy with
// other things; each has to come within the limit for all waiting.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace weir::e2e {

using Moment = std::chrono::steady_clock::time_point;

class Pace {
  public:
    static constexpr size_t kChanges = 6;  // at least five count

    /// Waits until a change is in force that was made at `since`. False if it does not come to that.
    [[nodiscard]] bool await(Moment since, const std::function<bool()>& is_in_force);
    /// After kChanges; prints how long `what` took.
    testing::AssertionResult is_prompt(const std::string& what) const;

  private:
    std::vector<std::chrono::milliseconds> took_;
};

/// For people: this is how long it took, where a source is only asked from time to time.
void print_span(const std::string& what, Moment since);

}  // namespace weir::e2e
