// How a program that was started in a shell goes on without it.
#pragma once

#include "base/result.h"

namespace weir {

/// The process that returns is another one: without the terminal and the standard streams, in `/`. The one
/// that called ends with 0, once the other is on its own. Call it when what may fail is done, and before
/// there are threads.
Status go_to_background();

}  // namespace weir
