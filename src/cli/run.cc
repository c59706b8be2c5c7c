// weir run: the daemon itself, in the foreground.
#include "cli/subcommand.h"

namespace weir::cli {

Run declare_run(Options& options, const Context& context) {
    struct Asked {
        RunOptions run;
        bool clean_up = false;
    };
    auto asked = std::make_shared<Asked>();
    options.option("-c,--config", asked->run.config, "The configuration, weir.yaml(5)");
    options.option("--pin", asked->run.pin, "Where the datapath's maps and links are pinned");
    options.option(
        "--state", asked->run.state,
        "Where the operator's overrides, what the checks have seen and what IPVS has of weir's are kept");
    options.duration("--for", asked->run.lifetime,
                     "Detach everything and end after this time, as 90s, 5m or 1h");
    options.flag("--cleanup", asked->clean_up, "Remove everything of weir's from the kernel and end");
    options.choice("--log-level", asked->run.log_level, {"debug", "info", "warn", "error"},
                   "The least that is logged");
    return [asked, &context] {
        if (asked->clean_up) {
            auto done = context.daemon->clean_up(asked->run.pin, asked->run.state);
            return done ? int{kDone} : complain(done.error());
        }
        if (asked->run.config.empty()) return refuse({"run needs a configuration: `weir run -c FILE`"});
        asked->run.socket = context.socket;
        return context.daemon->run(asked->run);
    };
}

}  // namespace weir::cli
