// Named network namespaces, as `ip netns` makes them (bind-mounted below /run/netns), and going into one and
// back.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace weir::lab {

class NamedNetns {
  public:
    explicit NamedNetns(std::string name);
    ~NamedNetns();
    NamedNetns(const NamedNetns&) = delete;
    NamedNetns& operator=(const NamedNetns&) = delete;

    const std::string& name() const { return name_; }
    int fd() const { return fd_.get(); }

    /// The name of a host's namespace: weir.LAB.PID.HOST, with this process's id.
    static std::string name_of(const std::string& lab, const std::string& host);
    /// Removes every lab namespace whose process is gone, and those of an earlier `lab` of this process id. A
    /// process id that was given to somebody else in the meantime keeps its namespaces until that process
    /// ends, too.
    static void clear_leftovers(const std::string& lab);

  private:
    std::string name_;
    UniqueFd fd_;
};

/// The calling thread is in the namespace while this lives.
class InNetns {
  public:
    explicit InNetns(int netns);
    ~InNetns();
    InNetns(const InNetns&) = delete;
    InNetns& operator=(const InNetns&) = delete;

  private:
    UniqueFd before_;
};

}  // namespace weir::lab
