// Makes the engines that carry the plans out: the only place that names their classes.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "config/load.h"
#include "engine/capture.h"
#include "engine/engine.h"
#include "engine/replay.h"
#include "model/flow_store.h"

namespace weir::app {

/// Where engines keep what outlives the daemon.
struct EnginePlaces {
    std::string pin;    // XDP's folder in a BPF file system
    std::string state;  // the daemon's folder
};

/// All engines as one; each starts when a service needs it.
struct StartedEngine {
    std::unique_ptr<engine::Engine> engine;
    std::unique_ptr<engine::Capturing> capturing;  // sides of XDP
    std::unique_ptr<model::FlowStore> flows;
    model::HealthMap recovered;  // of the targets of running datapaths that were adopted
};

/// What outlives the daemon is adopted. Fails where no engine that the configuration needs can be started.
/// `on_change` is called on the executor when unreachable() changes; the clock outlives the engine.
Result<StartedEngine> start_engine(const boost::asio::any_io_executor& executor, Clock& clock,
                                   const EnginePlaces& places, const model::Config& config,
                                   std::function<void()> on_change);

/// Whether the kernel takes XDP's programs and tables as the configuration wants them, if it does. Nothing is
/// attached or kept.
Status try_engine(const model::Config& config);

/// Whether the engine could carry it out, whatever the backends do.
Status is_possible(const model::Config& config);

/// As config::load() and config::parse(), and refuse what is not possible.
config::Loaded load_config(const std::string& path);
config::Loaded parse_config(std::string_view yaml);

/// Of kernel memory that XDP's tables take, about.
Result<uint64_t> table_bytes(const model::Config& config);

/// Of XDP's services. Needs the right to load BPF programs, and no interface.
Result<engine::Replay> open_replay(const model::Plan& plan, engine::ReplaySetup setup);

/// Detaches and removes everything of weir's, whether a daemon runs or not.
Status remove_engine(const std::string& pin, const std::string& state);

}  // namespace weir::app
