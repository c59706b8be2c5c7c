// The file that the operator's overrides are kept in, so that they survive restarts and upgrades.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/state_file.h"
#include "model/override.h"

namespace weir::control {

std::string override_file_text(const model::Overrides& overrides);
/// All of it or nothing.
Result<model::Overrides> read_override_file(std::string_view text);

class OverrideFile {
  public:
    explicit OverrideFile(std::string path) : file_(std::move(path)) {}

    /// Nothing where there is no file. One that is broken is set aside as PATH.bad; after one that cannot be
    /// read save() fails, so that it stays (state_file.h).
    Result<model::Overrides> load();

    /// Durable when it returns: the file is replaced by a whole one. Its folder is made if it is missing.
    Status save(const model::Overrides& overrides) const;

  private:
    StateFile file_;
};

}  // namespace weir::control
