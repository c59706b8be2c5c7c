// A controller with a fake engine, announcer and herald, whose time the test moves.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "announce/fake.h"
#include "base/fake_clock.h"
#include "control/controller.h"
#include "control/sample.h"
#include "engine/fake.h"

namespace weir::control {

class NoWay final : public health::Path {
  public:
    net::Opened open(const model::TargetKey&, net::Carrier, net::Port) override { return fail("no way"); }
};

/// Remembers what it was told.
class Listener final : public Herald {
  public:
    void set(const model::Config& config) override { alerts.push_back(config.alerts.size()); }
    void tell(const Event& event) override { told.push_back(event); }
    void assume(const Event& event) override { assumed.push_back(event.message); }
    std::vector<AlertRow> rows() const override { return {row}; }

    std::vector<size_t> alerts;
    std::vector<Event> told;
    std::vector<std::string> assumed;
    AlertRow row{.name = "oncall"};
};

class ControllerTest : public testing::Test {
  protected:
    Controller& start(model::HealthMap recovered = {}) {
        Controller::Options options;
        options.config_path = "weir.yaml";
        options.load = [this] { return next_load; };
        options.on_config = [this](const model::Config&) {
            ++configs_seen;
            return config_problem.empty() ? Status() : fail("{}", config_problem);
        };
        options.on_applied = [this] {
            told.push_back(controller ? controller->not_in_force() : "?");
            clock.pass(planning);
        };
        options.recovered = std::move(recovered);
        options.announcer = &announcer;
        options.herald = &herald;
        options.wall_clock = [this] { return wall_clock; };
        options.overrides_file = overrides_file;
        options.health_file = health_file;
        options.source_kinds = source_kinds;
        options.possible = possible;
        options.retry = Backoff(std::chrono::milliseconds(1), std::chrono::milliseconds(4));
        controller.emplace(io.get_executor(), clock, engine, path, config, std::move(options));
        controller->start();
        return *controller;
    }

    void run_until(const std::function<bool()>& condition) { ASSERT_TRUE(clock.move_until(condition)); }

    boost::asio::io_context io;
    FakeClock clock{io};
    engine::Fake engine;
    announce::Fake announcer;
    Listener herald;
    NoWay path;
    model::Config config = sample_config();
    config::Loaded next_load = sample_config();
    int configs_seen = 0;
    std::string config_problem;
    Clock::Duration planning{};     // so long a plan takes
    std::vector<std::string> told;  // not_in_force() at each on_applied()
    SystemTime wall_clock{std::chrono::hours(24)};
    std::string overrides_file;
    std::string health_file;
    std::span<const discovery::Kind> source_kinds;
    std::function<Status(const model::Config&)> possible = [](const model::Config&) { return Status(); };
    std::optional<Controller> controller;
};

}  // namespace weir::control
