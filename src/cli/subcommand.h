// One subcommand: its name, what it asks of the command line, and what it does. All of them stand in a table
// in cli.cc.
#pragma once

#include <boost/json/value.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "admin/http.h"
#include "cli/cli.h"
#include "cli/options.h"

namespace weir::config {
struct Mistake;
}

namespace weir::cli {

enum Exit { kDone = 0, kFailed = 1, kBadInput = 2 };

/// What all subcommands share.
struct Context {
    std::string socket = "/run/weir/weir.sock";
    const Daemon* daemon = nullptr;
};

using Run = std::function<int()>;

struct Subcommand {
    std::string_view name;
    std::string_view summary;
    /// Declares the options; what it returns runs after they have been read.
    Run (*declare)(Options& options, const Context& context);
};

Run declare_run(Options&, const Context&);
Run declare_check(Options&, const Context&);
Run declare_plan(Options&, const Context&);
Run declare_reload(Options&, const Context&);
Run declare_status(Options&, const Context&);
Run declare_services(Options&, const Context&);
Run declare_backends(Options&, const Context&);
Run declare_pools(Options&, const Context&);
Run declare_flows(Options&, const Context&);
Run declare_bgp(Options&, const Context&);
Run declare_sync(Options&, const Context&);
Run declare_drain(Options&, const Context&);
Run declare_enable(Options&, const Context&);
Run declare_disable(Options&, const Context&);
Run declare_weight(Options&, const Context&);
Run declare_lift(Options&, const Context&);
Run declare_overrides(Options&, const Context&);
Run declare_events(Options&, const Context&);
Run declare_trace(Options&, const Context&);
Run declare_capture(Options&, const Context&);
Run declare_replay(Options&, const Context&);
Run declare_import(Options&, const Context&);
Run declare_refresh(Options&, const Context&);
Run declare_gen(Options&, const Context&);
Run declare_proxy(Options&, const Context&);
Run declare_echo(Options&, const Context&);
Run declare_doctor(Options&, const Context&);
Run declare_demo(Options&, const Context&);

/// `weir: message` on standard error; returns kFailed.
int complain(const Error& error);
/// The same of what the command line asks for; returns kBadInput.
int refuse(const Error& error);
/// A line for each mistake of a configuration; returns kBadInput.
int refuse(const std::string& file, const std::vector<config::Mistake>& mistakes);

/// Asks the daemon; an answer other than 200 becomes an Error with its text.
Result<std::string> ask(const Context& context, const admin::Request& request);

/// As ask(), for what takes a configuration: a refused one is told mistake for mistake, as `weir check` does,
/// and gives the exit code. `file`: what the operator calls it; "" where the daemon knows.
std::expected<std::string, int> ask_about_config(const Context& context, const admin::Request& request,
                                                 const std::string& file);

/// A subcommand that shows what a GET of `path` returns: as it is for --json, else by `show`.
Run listing(Options& options, const Context& context, const std::string& path,
            void (*show)(const boost::json::value& answer));

}  // namespace weir::cli
