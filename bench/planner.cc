// What a large configuration costs: 1,000 services of 100 backends each from the file to the kernel, and one
// backend's change afterwards; in time, in the process's memory and in the kernel's.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <set>

#include "bench/measure.h"
#include "config/load.h"
#include "engine/xdp/tables.h"
#include "lab/bpf_map.h"
#include "lab/failure.h"
#include "lab/temp_dir.h"

namespace weir::bench {
namespace {

struct Options {
    int services = 1000;
    int backends = 100;
    bool shared = false;
};

/// Each service has a pool and backends of its own, or all share one.
std::string write_yaml(const Options& options) {
    std::string pools = "pools:\n", services = "services:\n";
    for (int i = 0; i < options.services; i++) {
        auto name = fmt::format("s{}", i);
        services += fmt::format("  {}: {{vip: 192.0.{}.{}, ports: [80/tcp], pool: {}}}\n", name, i / 250,
                                1 + i % 250, options.shared ? "s0" : name);
        if (options.shared && i > 0) continue;
        pools += fmt::format("  {}:\n    static:\n", name);
        for (int k = 0; k < options.backends; k++)
            pools += fmt::format("      - 10.{}.{}.{}\n", 1 + i / 250, i % 250, 1 + k);
    }
    return "interfaces: [{name: lo}]\n" + pools + services;
}

/// What one step cost.
class Clock {
  public:
    double milliseconds() {
        double now = wall_seconds(), cpu_now = cpu_seconds();
        double passed = (now - wall_) * 1e3;
        cpu_passed_ = (cpu_now - cpu_) * 1e3;
        wall_ = now;
        cpu_ = cpu_now;
        return passed;
    }
    void print(const std::string& what) {
        double passed = milliseconds();
        fmt::print("| {} | {:.1f} | {:.1f} |\n", what, passed, cpu_passed_);
        std::fflush(stdout);
    }

  private:
    double wall_ = wall_seconds(), cpu_ = cpu_seconds(), cpu_passed_ = 0;
};

engine::xdp::Hops hops_of(const model::Config& config) {
    engine::xdp::Hops hops;
    for (const auto& [name, pool] : config.pools)
        for (const auto& backend : pool.backends)
            hops[backend.address] = {net::Mac{{2, 1, 0, 0, 0, 1}}, net::Mac{{2, 0, 0, 0, 0, 2}}};
    return hops;
}

/// The memory of every map that the program uses, as the kernel counts it.
void print_maps(int program) {
    fmt::print("\n| map | rows | bytes a row | kernel memory, MB |\n|---|---|---|---|\n");
    double sum = 0;
    for (const auto& [map, of] : lab::maps_of(program)) {
        auto bytes = static_cast<double>(map_memory(map.get()));
        sum += bytes;
        fmt::print("| {} | {} | {} | {:.1f} |\n", of.name, of.max_entries, of.value_size, bytes / 1e6);
    }
    fmt::print("| all | | | {:.1f} |\n\n", sum / 1e6);
}

void run(const Options& options) {
    fmt::print(
        "### {} services, {} backends in {}; {}\n\n| step | ms | ms of processor time |\n|---|---|---|\n",
        options.services, options.backends, options.shared ? "one pool for all" : "a pool of each",
        describe_machine());
    lab::TempDir directory;
    auto path = directory.write("weir.yaml", write_yaml(options));
    auto idle = process_memory("RssAnon");

    Clock clock;
    auto config = config::load(path);
    if (!config) lab::give_up("{}", config::describe(path, config.error()));
    clock.print("read and check the file");
    model::HealthMap health;
    auto plan = model::plan(*config, health);
    clock.print("plan()");
    auto hops = std::make_shared<const engine::xdp::Hops>(hops_of(*config));
    auto tables = lab::must(engine::xdp::Tables::open("", [](int) { return Status{}; }));
    clock.milliseconds();
    lab::must(tables->apply(plan, hops));
    clock.print("apply() for the first time");
    lab::must(tables->apply(plan, hops));
    clock.print("apply() of the same plan");

    auto down = plan.frontends.front().targets.front().backend.address;
    std::set<std::string> services;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets)
            if (target.backend.address == down) {
                health[{frontend.key, down}] = {false, "a check failed"};
                services.insert(frontend.service);
            }
    clock.milliseconds();
    plan = model::replan(plan, services, *config, health, {}, {});
    clock.print("one backend goes down: replan()");
    lab::must(tables->apply(plan, hops));
    clock.print("one backend goes down: apply()");

    print_maps(*tables->program());
    fmt::print(
        "Process: {:.0f} MB of its own more than before; {:.0f} MB resident with the mapped tables.\n\n",
        static_cast<double>(process_memory("RssAnon") - idle) / 1e6,
        static_cast<double>(process_memory("VmRSS")) / 1e6);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        weir::bench::Options options;
        CLI::App app("What a large configuration costs, from the file to the kernel");
        app.add_option("--services", options.services)->capture_default_str();
        app.add_option("--backends", options.backends, "of each pool, at most 250")->capture_default_str();
        app.add_flag("--shared", options.shared, "one pool for all services");
        CLI11_PARSE(app, argc, argv);
        weir::bench::run(options);
        return 0;
    });
}
