// An announcer tells the network around which VIPs are here, in one of several ways. All of it runs on the
// control thread. A fake in fake.h.
#pragma once

#include <string>
#include <vector>

#include "model/plan.h"

namespace weir::announce {

class Announcer {
  public:
    virtual ~Announcer() = default;

    /// The plan that is in force, and the interfaces that the datapath is attached to: the whole state,
    /// which replaces the former. To be repeated whenever one of them, or the state of a link, changes.
    virtual void announce(const model::Plan& plan, const std::vector<std::string>& attached) = 0;
};

}  // namespace weir::announce
