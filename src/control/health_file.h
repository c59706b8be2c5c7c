// The file that keeps what the checks have seen over a restart and an upgrade: who is on the way up or down
// goes on from there, and so do slow starts and wlc's corrections. A daemon writes it when it ends, and the
// next one takes it away: after a crash there is none, and the datapath tells which targets are up.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/state_file.h"
#include "control/restraint.h"
#include "health/checker.h"

namespace weir::control {

/// What is older tells nothing any more.
constexpr std::chrono::minutes kHealthFileHolds{5};

using FileTime = std::chrono::system_clock::time_point;

/// What a daemon leaves to the next one.
struct Legacy {
    health::Memory checks;
    Holds holds;

    bool operator==(const Legacy&) const = default;
};

std::string health_file_text(const Legacy& legacy, FileTime now);
/// All of it or nothing; empty where it is too old, or of a time to come. Ramps have gone on since then.
Result<Legacy> read_health_file(std::string_view text, FileTime now);

class HealthFile {
  public:
    explicit HealthFile(std::string path) : file_(std::move(path)) {}

    /// Empty where there is no file; none is left of what could be read.
    Result<Legacy> take(FileTime now);
    Status save(const Legacy& legacy, FileTime now) const;

  private:
    StateFile file_;
};

}  // namespace weir::control
