// What clients saw while a backend went away or came back: counted from the answers of a steady load.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "lab/load.h"

namespace weir::lab {

struct Outage {
    size_t failed_until_noticed = 0;      // under way between the change and its notice
    size_t failed_otherwise = 0;          // must be 0: begun after the notice, or over before the change
    Duration slowest{0};                  // of the answered requests that were under way meanwhile
    std::map<std::string, size_t> since;  // answers to requests begun after the notice, by what they said
    std::string first_error;              // of those that must not be
};

Outage outage_of(const std::vector<Answer>& answers, std::chrono::steady_clock::time_point changed,
                 std::chrono::steady_clock::time_point noticed);

}  // namespace weir::lab
