// Looks at the host: the network namespace of the calling thread, its interfaces, the kernel. Reads, with one
// exception: with root, and only on interfaces that the caller wants, it attaches an XDP program for a moment
// where none is. Many cards stop for that moment. Nothing is left behind.
#pragma once

#include "base/result.h"
#include "doctor/facts.h"

namespace weir::doctor {

/// Without interfaces in `wanted`: every Ethernet interface that is up, and nothing is attached.
Result<Facts> gather(Wanted wanted);

}  // namespace weir::doctor
