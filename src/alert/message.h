// What is delivered at a time: one event, or several that had to wait for each other.
#pragma once

#include <string>
#include <vector>

#include "control/herald.h"

namespace weir::alert {

/// Who says it.
struct Sender {
    std::string alert;    // by which of the configuration's alerts
    std::string node;     // the host's name
    std::string version;  // of weir
    int pid = 0;
};

struct Message {
    std::string text;                    // for people, a line
    std::vector<control::Event> events;  // at least one, the oldest first

    bool is_gathered() const { return events.size() > 1; }
    /// The first of those that are worst.
    const control::Event& worst() const;
    model::Severity severity() const { return model::severity_of(worst().kind); }
};

Message message_of(std::vector<control::Event> events);

}  // namespace weir::alert
