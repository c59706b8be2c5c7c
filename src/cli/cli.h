// The command line: `weir SUBCOMMAND …`. Exit codes: 0 done; 1 it failed; 2 bad usage or bad configuration.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/load.h"
#include "discovery/source.h"
#include "engine/replay.h"

namespace weir::cli {

struct RunOptions {
    std::string config;
    std::string socket;
    std::string pin = "/sys/fs/bpf/weir";
    std::string state = "/var/lib/weir";  // where the operator's overrides, and what engines own, are kept
    std::string log_level = "info";
    std::optional<std::chrono::seconds> lifetime;  // then everything is detached
};

/// A proxy on its own: each connection to `front` goes where a token says that it has pulled.
struct ProxyOptions {
    net::Endpoint front;
    std::vector<std::string> urls;  // of queues; tokens of one are used where those before it have none
    bool every_core = false;
    std::chrono::milliseconds wait{5000};  // for a token, before a connection is refused
    unsigned retries = 2;
    bool background = false;
};

/// What the application can do; it is handed in, because it knows the concrete classes and this folder does
/// not.
struct Daemon {
    int (*run)(const RunOptions& options);  // gives the exit code
    /// Removes everything of weir's from the kernel.
    Status (*clean_up)(const std::string& pin, const std::string& state);
    Result<engine::Replay> (*replay)(const model::Plan& plan, engine::ReplaySetup setup);
    config::Loaded (*load)(const std::string& path);  // a configuration that the engine can carry out
    Result<uint64_t> (*table_bytes)(const model::Config& config);  // of the kernel's memory
    std::span<const discovery::Kind> (*source_kinds)() = nullptr;
    Status (*proxy)(const ProxyOptions& options) = nullptr;  // until it is told to end
};

int main(int argc, char** argv, const Daemon& daemon);

}  // namespace weir::cli
