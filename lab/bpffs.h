// A BPF file system of one's own: in no mount table, so it needs no mount point and goes with its last
// descriptor, however the owner dies. What is pinned in it outlives every process but this one.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace weir::lab {

class PrivateBpffs {
  public:
    PrivateBpffs();

    /// A path to its root that is good in every process, whatever its mount namespace, as long as this object
    /// lives.
    const std::string& path() const { return path_; }

  private:
    UniqueFd root_;
    std::string path_;
};

}  // namespace weir::lab
