#include "app/engine.h"

#include <algorithm>

#include "app/sources.h"
#include "engine/xdp/pins.h"
#include "engine/xdp/replayer.h"
#include "engine/xdp/sizing.h"
#include "engine/xdp/xdp.h"

namespace weir::app {

Result<StartedEngine> start_engine(const boost::asio::any_io_executor& executor, const std::string& pin,
                                   std::function<void()> on_change) {
    auto opened = engine::xdp::Xdp::open(executor, pin, std::move(on_change));
    if (!opened) return propagate(opened);
    auto recovered = (*opened)->recovered();
    auto* xdp = opened->get();
    return StartedEngine{std::move(*opened), xdp, xdp, std::move(recovered)};
}

namespace {

config::Loaded if_possible(config::Loaded config) {
    if (!config) return config;
    if (auto possible = is_possible(*config); !possible)
        return std::unexpected(std::vector{config::Mistake{0, 0, possible.error().message}});
    return config;
}

}  // namespace

Status is_possible(const model::Config& config) {
    auto sizes = engine::xdp::least_sizes(model::plan(config, {}));
    return sizes ? Status() : propagate(sizes);
}

config::Loaded load_config(const std::string& path) {
    return if_possible(config::load(path, known_sources()));
}

config::Loaded parse_config(std::string_view yaml) {
    return if_possible(config::parse(yaml, known_sources()));
}

Result<uint64_t> table_bytes(const model::Config& config) {
    return engine::xdp::memory_for(model::plan(config, {}));
}

Result<engine::Replay> open_replay(model::Plan plan, engine::ReplaySetup setup) {
    return engine::xdp::open_replay(std::move(plan), std::move(setup));
}

Status try_engine(const model::Config& config) {
    auto plan = model::plan(config, {});
    plan.flows.size = std::min(plan.flows.size, 1024u);  // the flows that there are are kept, not had twice
    if (auto tried = engine::xdp::open_replay(std::move(plan), {}); !tried) return propagate(tried);
    return {};
}

Status remove_engine(const std::string& pin) {
    return engine::xdp::clean_up(pin);
}

}  // namespace weir::app
