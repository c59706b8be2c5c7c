#include "app/engine.h"

#include <algorithm>

#include "app/sources.h"
#include "base/log.h"
#include "engine/ipvs/ipvs.h"
#include "engine/proxy/proxy.h"
#include "engine/several.h"
#include "engine/xdp/pins.h"
#include "engine/xdp/replayer.h"
#include "engine/xdp/sizing.h"
#include "engine/xdp/xdp.h"

namespace weir::app {
namespace {

using engine::Several, engine::xdp::Xdp, engine::ipvs::Ipvs, engine::proxy::Proxy;
using model::EngineKind;

/// Null until XDP has started, which may be at a later reload. Once started it stays.
using LateXdp = std::shared_ptr<Xdp*>;

class LateCapturing final : public engine::Capturing {
  public:
    explicit LateCapturing(LateXdp xdp) : xdp_(std::move(xdp)) {}

    Status start_capture(const engine::CaptureFilter& filter, Sink sink) override {
        if (!*xdp_) return fail("no service has 'engine: xdp', and others' packets are not captured");
        return (*xdp_)->start_capture(filter, std::move(sink));
    }
    uint64_t stop_capture() override { return *xdp_ ? (*xdp_)->stop_capture() : 0; }

  private:
    LateXdp xdp_;
};

/// Before XDP has started it is empty.
class LateFlows final : public model::FlowStore {
  public:
    explicit LateFlows(LateXdp xdp) : xdp_(std::move(xdp)) {}

    size_t buckets() const override { return *xdp_ ? (*xdp_)->buckets() : 0; }
    void read_changes(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        if (*xdp_) (*xdp_)->read_changes(first, count, out);
    }
    void read_all(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        if (*xdp_) (*xdp_)->read_all(first, count, out);
    }
    model::TakenFlows take(const model::TargetKey& target, unsigned bucket_bits,
                           std::span<const model::SharedFlow> flows, unsigned share) override {
        if (!*xdp_) return {.unknown = flows.size()};
        return (*xdp_)->take(target, bucket_bits, flows, share);
    }
    uint64_t from_peers() const override { return *xdp_ ? (*xdp_)->from_peers() : 0; }

  private:
    LateXdp xdp_;
};

std::string record_in(const std::string& state) {
    return state + "/ipvs.json";
}

/// An engine, and what it has to say of a former daemon's datapath.
template <class Open>
auto starting(Open open, std::shared_ptr<model::HealthMap> recovered) {
    return [open = std::move(open), recovered = std::move(recovered)](
               std::function<void()> on_change) -> Result<std::unique_ptr<engine::Engine>> {
        auto opened = open(std::move(on_change));
        if (!opened) return propagate(opened);
        recovered->merge((*opened)->recovered());
        return std::move(*opened);
    };
}

model::Plan xdp_part(const model::Config& config) {
    return engine::part_of(model::plan(config, {}), EngineKind::xdp);
}

config::Loaded if_possible(config::Loaded config) {
    if (!config) return config;
    if (auto possible = is_possible(*config); !possible)
        return std::unexpected(std::vector{config::Mistake{0, 0, possible.error().message}});
    return config;
}

}  // namespace

Status is_possible(const model::Config& config) {
    auto sizes = engine::xdp::least_sizes(xdp_part(config));
    return sizes ? Status() : propagate(sizes);
}

Result<StartedEngine> start_engine(const boost::asio::any_io_executor& executor, Clock& clock,
                                   const EnginePlaces& places, const model::Config& config,
                                   std::function<void()> on_change) {
    auto xdp = std::make_shared<Xdp*>(nullptr);
    auto recovered = std::make_shared<model::HealthMap>();
    auto open_xdp = [executor, places, xdp](std::function<void()> changed) {
        auto opened = Xdp::open(executor, places.pin, std::move(changed));
        if (opened) *xdp = opened->get();
        return opened;
    };
    auto open_ipvs = [executor, &clock, places](std::function<void()> changed) {
        return Ipvs::open(executor, clock, record_in(places.state), std::move(changed));
    };
    auto open_proxy = [executor, &clock, settings = config.proxy](
                          std::function<void()> changed) -> Result<std::unique_ptr<engine::Engine>> {
        return Proxy::open(executor, clock, settings, std::move(changed));
    };
    auto all = std::make_unique<Several>(
        std::vector<Several::Member>{{EngineKind::xdp, starting(open_xdp, recovered),
                                      [places] { return engine::xdp::clean_up(places.pin); }},
                                     {EngineKind::ipvs, starting(open_ipvs, recovered),
                                      [places] { return engine::ipvs::clean_up(record_in(places.state)); }},
                                     {EngineKind::proxy, open_proxy, engine::proxy::clean_up}},
        std::move(on_change));
    if (auto started = all->start(model::plan(config, {})); !started) return propagate(started);
    return StartedEngine{std::move(all), std::make_unique<LateCapturing>(xdp),
                         std::make_unique<LateFlows>(xdp), std::move(*recovered)};
}

config::Loaded load_config(const std::string& path) {
    return if_possible(config::load(path, known_sources()));
}

config::Loaded parse_config(std::string_view yaml) {
    return if_possible(config::parse(yaml, known_sources()));
}

Result<uint64_t> table_bytes(const model::Config& config) {
    if (!engine::needs(model::plan(config, {}), EngineKind::xdp)) return 0;
    return engine::xdp::memory_for(xdp_part(config));
}

Result<engine::Replay> open_replay(const model::Plan& plan, engine::ReplaySetup setup) {
    return engine::xdp::open_replay(engine::part_of(plan, EngineKind::xdp), std::move(setup));
}

Status try_engine(const model::Config& config) {
    auto plan = xdp_part(config);
    if (!engine::needs(model::plan(config, {}), EngineKind::xdp)) return {};
    plan.flows.size = std::min(plan.flows.size, 1024u);  // the flows that there are are kept, not had twice
    if (auto tried = engine::xdp::open_replay(std::move(plan), {}); !tried) return propagate(tried);
    return {};
}

Status remove_engine(const std::string& pin, const std::string& state) {
    auto xdp = engine::xdp::clean_up(pin);
    auto ipvs = engine::ipvs::clean_up(record_in(state));
    auto proxy = engine::proxy::clean_up();
    std::string failures;
    for (const auto* done : {&xdp, &ipvs, &proxy})
        if (!*done) failures += (failures.empty() ? "" : "; ") + done->error().message;
    return failures.empty() ? Status() : fail("{}", failures);
}

}  // namespace weir::app
