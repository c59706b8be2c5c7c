// Whose turn it is: names that wait are taken some at a time, in rotation, so that nobody waits for ever
// while others come again and again. Pure.
#pragma once

#include <set>
#include <string>
#include <utility>

namespace weir::control {

class Turns {
  public:
    void add(const std::string& name) { waiting_.insert(name); }
    bool empty() const { return waiting_.empty(); }

    /// So many at most.
    std::set<std::string> take(size_t most) {
        std::set<std::string> taken;
        for (auto it = waiting_.upper_bound(last_); !waiting_.empty() && taken.size() < most;) {
            if (it == waiting_.end()) it = waiting_.begin();
            last_ = *it;
            taken.insert(waiting_.extract(it++));
        }
        return taken;
    }

  private:
    std::set<std::string> waiting_;
    std::string last_;  // who was taken
};

}  // namespace weir::control
