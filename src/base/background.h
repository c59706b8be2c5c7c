// How a program that was started in a shell goes on without it.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir {

/// A process that is on its way there. The one that was started waits until settle(), and ends with 0; or
/// with 1, if this one ends before.
class Background {
  public:
    /// The process that returns is another one, without the terminal and in `/`, which may still say what is
    /// wrong. Call it before there are threads.
    static Result<Background> begin();

    /// All is done that may fail: the standard streams are let go, too.
    Status settle();

  private:
    Background(UniqueFd null, UniqueFd tell) : null_(std::move(null)), tell_(std::move(tell)) {}

    UniqueFd null_;
    UniqueFd tell_;
};

}  // namespace weir
