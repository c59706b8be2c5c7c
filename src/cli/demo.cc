// weir demo: this very binary as the daemon, in network namespaces that are made for it and removed again.
#include "lab/demo.h"

#include <filesystem>

#include "cli/subcommand.h"

namespace weir::cli {

Run declare_demo(Options& options, const Context&) {
    auto asked = std::make_shared<lab::DemoOptions>();
    options.flag("--keep", asked->keep, "Leave everything running until Ctrl-C");
    options.flag("--ecmp", asked->ecmp,
                 "Two balancers that share their flows behind a BGP router: one is killed");
    options.number("--requests", asked->requests, 1, 1'000'000, "How many requests show the spread");
    options.internal("--backend", asked->backend);
    return [asked] { return lab::demo(*asked, std::filesystem::read_symlink("/proc/self/exe")); };
}

}  // namespace weir::cli
