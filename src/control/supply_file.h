// What sources have found, as a file: a daemon that starts while they cannot be asked goes on with it.
#pragma once

#include <string>

#include "base/state_file.h"
#include "control/supplies.h"

namespace weir::control {

class SupplyFile {
  public:
    /// "": nothing is kept.
    explicit SupplyFile(const std::string& path);

    /// For the sources of this configuration; those that it does not have are left out. Nothing, and said in
    /// the log, where the file is of no use.
    Supplies load(const model::Config& config);
    Status save(const Supplies& supplies) const;

  private:
    std::string path_;
    StateFile file_;
};

}  // namespace weir::control
