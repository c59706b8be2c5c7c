// The daemon: the engine, the control loop, the admin server, signals and the service manager, on one loop.
#pragma once

#include "cli/cli.h"

namespace weir::app {

/// Runs until a signal or the end of its lifetime; gives the exit code.
int run_daemon(const cli::RunOptions& options);

}  // namespace weir::app
