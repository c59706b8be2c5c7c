// An announcer that only remembers, for tests of what stands above announcers.
#pragma once

#include "announce/announcer.h"

namespace weir::announce {

class Fake final : public Announcer {
  public:
    void announce(const model::Plan& plan, const std::vector<std::string>& on) override {
        announced.push_back(plan);
        attached = on;
    }

    std::vector<model::Plan> announced;
    std::vector<std::string> attached;  // of the last
};

}  // namespace weir::announce
