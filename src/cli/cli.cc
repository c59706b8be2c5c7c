#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/lbtk.h"
#include "cli/subcommand.h"

namespace weir::cli {
namespace {

constexpr Subcommand kSubcommands[] = {
    {"run", "Balance, in the foreground", declare_run},
    {"check", "Say whether a configuration is right", declare_check},
    {"plan", "Show what a configuration would change, or all of it where no daemon runs", declare_plan},
    {"reload", "Make the daemon read its configuration again", declare_reload},
    {"status", "Show how the daemon is, what is wrong first", declare_status},
    {"services", "List the services", declare_services},
    {"backends", "List the backends of every service", declare_backends},
    {"pools", "List the pools, their backends, and who uses them", declare_pools},
    {"flows", "Show what the flow table is full of, and which backends have how many flows", declare_flows},
    {"bgp", "List the BGP peers, and what each is told", declare_bgp},
    {"sync", "List the balancers that flows are shared with, and how that goes", declare_sync},
    {"drain", "Give a backend no new flows, and wait until its old ones end", declare_drain},
    {"enable", "Use a backend, whatever the configuration says", declare_enable},
    {"disable", "Take a backend out at once, with the flows that it has", declare_disable},
    {"weight", "Give a backend more or fewer of the new flows", declare_weight},
    {"lift", "Undo what was changed of a backend by hand", declare_lift},
    {"overrides", "List what was changed of backends by hand", declare_overrides},
    {"events", "Tell what has happened, or what happens", declare_events},
    {"trace", "Ask the datapath which backend a flow gets, and why", declare_trace},
    {"capture", "Record packets as they come in, with what is decided of each", declare_capture},
    {"replay", "Send a capture's packets through the datapath, and say what it does with each",
     declare_replay},
    {"import", "Write another balancer's configuration as weir's", declare_import},
    {"refresh", "Print a list of backends each time that it changes", declare_refresh},
    {"gen", "Push the backends of a list on a queue, in turns", declare_gen},
    {"proxy", "Carry connections, each to where a token of a queue says", declare_proxy},
    {"echo", "Send back what comes, for tests", declare_echo},
    {"doctor", "Say what on this host stands in the way, and how to mend it", declare_doctor},
    {"demo", "See it at work on this machine: balancing, and a backend that dies", declare_demo},
};

}  // namespace

int main(int argc, char** argv, const Daemon& daemon) {
    Context context;
    context.daemon = &daemon;
    CLI::App app{"weir: a layer-4 load balancer for Linux", "weir"};
    app.set_version_flag("--version", "weir " WEIR_VERSION);
    app.add_option("--socket", context.socket, "Where the daemon listens")
        ->envname("WEIR_SOCKET")
        ->capture_default_str();
    app.require_subcommand(0, 1);
    app.fallthrough();
    app.footer("Exit codes: 0 done; 1 it failed; 2 bad usage or bad configuration. See weir(1).");
    Run chosen;
    for (const auto& subcommand : kSubcommands) {
        auto* entry = app.add_subcommand(std::string(subcommand.name), std::string(subcommand.summary));
        Options options(*entry);
        entry->callback([&chosen, run = subcommand.declare(options, context)] { chosen = run; });
    }
    try {
        auto words = without_lbtk_names({argv + 1, argv + argc});
        std::ranges::reverse(words);  // as the library takes them
        app.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kBadInput;
    }
    if (!chosen) {
        std::cerr << app.help();
        return kBadInput;
    }
    try {
        return chosen();
    } catch (const std::exception& error) {
        return complain({error.what()});
    }
}

}  // namespace weir::cli
