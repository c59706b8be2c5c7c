// What the sources of all pools have found, and how it gets into a configuration. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/feed.h"
#include "model/config.h"

namespace weir::control {

/// Of one source.
struct Supplied {
    model::SourceSpec by;
    Feed::Members members;

    bool operator==(const Supplied&) const = default;
};

/// By pool, in the order of its sources.
using Supplies = std::map<std::string, std::vector<Supplied>>;

/// What a configuration begins with: sources that it has unchanged keep their members. What those that it no
/// longer has had found is the first new one's, until that has found something itself.
Supplies carried_over(const Supplies& former, const model::Config& config);

struct Filled {
    model::Config config;
    /// By pool and source: which members do not fit, and why.
    std::map<std::string, std::vector<std::vector<std::string>>> left_out;
};

/// The configuration with the members among its pools' backends, where they fit the services that have the
/// pool. `supplies`: as carried_over() gives them for it.
Filled fill(model::Config config, const Supplies& supplies);

}  // namespace weir::control
