// What the kernel can do for the datapath: tried where there is the right to, read otherwise.
#pragma once

#include "doctor/facts.h"
#include "doctor/xdp_trial.h"

namespace weir::doctor {

/// `trial` is null where no program could be loaded; then only files are read.
KernelFacts examine_kernel(const XdpTrial* trial);

}  // namespace weir::doctor
