// What is wrong with a host as a balancer, and how to mend it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "doctor/facts.h"

namespace weir::doctor {

/// `advice` costs speed or has a corner where it hurts; a `problem` stops traffic or the daemon.
enum class Severity : uint8_t { ok, advice, problem };

struct Finding {
    Severity severity = Severity::ok;
    std::string subject;  // an interface, a VIP, "kernel", …
    std::string what;
    std::string remedy = {};  // the command where there is one; empty when ok

    bool operator==(const Finding&) const = default;
};

/// The host first, then the interfaces in their order.
std::vector<Finding> diagnose(const Facts& facts);

std::string_view to_text(Severity severity);

}  // namespace weir::doctor
