// Makes the engine that carries the plans out: the only place that names its class.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "config/load.h"
#include "engine/capture.h"
#include "engine/engine.h"
#include "engine/replay.h"
#include "model/flow_store.h"

namespace weir::app {

struct StartedEngine {
    std::unique_ptr<engine::Engine> engine;
    engine::Capturing* capturing = nullptr;  // sides of the engine
    model::FlowStore* flows = nullptr;
    model::HealthMap recovered;  // of the targets of a running datapath that was adopted
};

inline constexpr const char* kEngineName = "xdp";

/// `pin`: the folder in a BPF file system. `on_change` is called on the executor when unreachable() changes.
Result<StartedEngine> start_engine(const boost::asio::any_io_executor& executor, const std::string& pin,
                                   std::function<void()> on_change);

/// Whether the kernel takes the engine's programs and tables as the configuration wants them. Nothing is
/// attached or kept.
Status try_engine(const model::Config& config);

/// Whether the engine could carry it out, whatever the backends do.
Status is_possible(const model::Config& config);

/// As config::load() and config::parse(), and refuse what is not possible.
config::Loaded load_config(const std::string& path);
config::Loaded parse_config(std::string_view yaml);

/// Of kernel memory that the engine's tables take, about.
Result<uint64_t> table_bytes(const model::Config& config);

/// Needs the right to load BPF programs, and no interface.
Result<engine::Replay> open_replay(model::Plan plan, engine::ReplaySetup setup);

/// Detaches and removes everything of weir's, whether a daemon runs or not.
Status remove_engine(const std::string& pin);

}  // namespace weir::app
