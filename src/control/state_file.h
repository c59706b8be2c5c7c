// A file of what the daemon keeps over restarts and upgrades. It is replaced as a whole; one that is of no
// use is set aside, so that nothing is lost and the next one can be written. What it says is JSON with a
// version; other programs ask the API.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::control {

class StateFile {
  public:
    explicit StateFile(std::string path) : path_(std::move(path)) {}

    /// What `take` makes of the text; it is not called where there is no file. A file that cannot be read, or
    /// that `take` refuses, is set aside as PATH.bad.
    Status load(const std::function<Status(std::string_view)>& take) const;

    /// Durable when it returns. Its folder is made if it is missing.
    Status save(std::string_view text) const;

    /// That there is none is fine.
    Status remove() const;

  private:
    Result<std::string> read() const;
    Status replace_with(std::string_view text) const;

    std::string path_;
};

}  // namespace weir::control
