// `weir demo`: the real daemon at work in network namespaces, in fifteen seconds: it balances, a backend dies
// and another takes over, measured from the client's side.
#pragma once

#include <cstddef>
#include <string>

namespace weir::lab {

struct DemoOptions {
    size_t requests = 2000;
    bool ecmp = false;    // instead: two balancers behind a router, of which one dies
    bool keep = false;    // leave everything running until Ctrl-C
    std::string backend;  // be the web server of this name, on a socket handed over, instead of all else
};

/// Runs `weir_binary` as the daemon and the backends, writes to standard output, needs root. Exit code: 0
/// when everything went as it should, 1 when not or when interrupted. Nothing stays, whatever ends it.
int demo(const DemoOptions& options, const std::string& weir_binary);

}  // namespace weir::lab
