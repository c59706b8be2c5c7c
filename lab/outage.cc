#include "lab/outage.h"

#include <algorithm>

namespace weir::lab {

Outage outage_of(const std::vector<Answer>& answers, std::chrono::steady_clock::time_point changed,
                 std::chrono::steady_clock::time_point noticed) {
    Outage outage;
    for (const Answer& answer : answers) {
        const bool before = answer.ended < changed;
        const bool after = answer.started >= noticed;
        if (answer.ok) {
            if (after) ++outage.since[answer.text];
            if (before || after) continue;
            const auto took = std::chrono::duration_cast<Duration>(answer.ended - answer.started);
            outage.slowest = std::max(outage.slowest, took);
        } else if (before || after) {
            if (outage.failed_otherwise++ == 0) outage.first_error = answer.text;
        } else {
            ++outage.failed_until_noticed;
        }
    }
    return outage;
}

}  // namespace weir::lab
