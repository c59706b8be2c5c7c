// `weir proxy`: the proxy engine without a daemon around it. It serves one address, and each connection goes
// where a token says that it has pulled from a queue.
#pragma once

#include "cli/cli.h"

namespace weir::app {

/// Until SIGTERM or SIGINT. Fails where it cannot listen.
Status run_token_proxy(const cli::ProxyOptions& options);

}  // namespace weir::app
