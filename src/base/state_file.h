// A file of what the daemon keeps over restarts and upgrades. It is replaced as a whole; one whose content is
// of no use is set aside, so that nothing is lost and the next one can be written. One that cannot be read
// (a failing disk, no descriptor left, another owner) may be whole: it stays where it is. What it says is
// JSON with a version; other programs ask the API.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class StateFile {
  public:
    explicit StateFile(std::string path) : path_(std::move(path)) {}

    /// What `take` makes of the text; it is not called where there is no file. A file that is too large, or
    /// that `take` refuses, is set aside as PATH.bad.
    Status load(const std::function<Status(std::string_view)>& take);

    /// Durable when it returns. Its folder is made if it is missing. Fails where load() could neither read
    /// what is there nor set it aside: it is not written over.
    Status save(std::string_view text) const;

    /// That there is none is fine.
    Status remove() const;

  private:
    Result<std::string> read() const;
    Status replace_with(std::string_view text) const;

    std::string path_;
    std::string left_alone_{};  // why
};

}  // namespace weir
