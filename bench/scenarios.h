// The kinds of packets whose steps are counted, and gated by tests/packet/cost_test.cc.
#pragma once

#include <string>
#include <vector>

#include "bench/twin.h"

namespace weir::bench {

struct Counted {
    std::string name;
    Steps steps;
};

/// Loads the datapath and sends it a packet of each kind. Throws lab::Failure.
std::vector<Counted> count_steps();

}  // namespace weir::bench
