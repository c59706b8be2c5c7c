// The control plane at scale: a daemon with 1,000 services of 100 backends each, from its start to the plan
// in the kernel, and from one backend's change to the kernel. What the kernel has is read from its own maps.
// Prints a table of doc/performance.md. Times depend on the machine, so those that have a target stand beside
// a floor too: what cannot be done without, by itself and on the same machine at the same time.
//
//   balancer 10.255.0.1 ── 10.255.0.2 world: every address of 10.0.0.0/8, which are the backends behind it
#include <fmt/format.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <future>
#include <limits>
#include <thread>

#include "bench/daemon.h"
#include "bench/measure.h"
#include "config/load.h"
#include "lab/failure.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/tcp.h"
#include "sched/table.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kUsable = 60s;  // is waited for at the start
constexpr auto kChange = 10s;

struct Options {
    std::string binary = beside_itself("../weir");
    std::string only;
    int services = 1000;
    int backends = 100;
    int repeat = 11;
};

struct Scenario {
    std::string name;
    int pools;
    bool checks;
};

std::string backend(int pool, int k) {
    return fmt::format("10.{}.{}.{}", 1 + pool / 250, pool % 250, 1 + k);
}

std::string write_yaml(const Options& options, const Scenario& scenario) {
    std::string text = "interfaces: [eth0]\nflows: {size: 65536}\npools:\n";
    for (int p = 0; p < scenario.pools; p++) {
        text += fmt::format("  p{}:\n    static:\n", p);
        for (int k = 0; k < options.backends; k++) text += fmt::format("      - {}\n", backend(p, k));
    }
    text += "services:\n";
    for (int i = 0; i < options.services; i++)
        text += fmt::format("  s{}: {{vip: 192.0.{}.{}, ports: [80/tcp], pool: p{}, forward: nat{}}}\n", i,
                            i / 250, 1 + i % 250, i % scenario.pools,
                            scenario.checks ? ", checks: [{tcp: {}, interval: 20s, history: 1, rise: 1, "
                                              "fall: 1}]"
                                            : "");
    return text;
}

/// The two hosts.
struct Site {
    Site() {
        lab.connect(balancer, "eth0", world, "eth0");
        balancer.add_address("eth0", "10.255.0.1/24");
        world.add_address("eth0", "10.255.0.2/24");
        balancer.add_route("10.0.0.0/8", "10.255.0.2");
        route(RTN_LOCAL, "10.0.0.0/8");
    }

    /// What the world makes of packets for these addresses.
    void route(uint8_t type, const std::string& destination, bool present = true) {
        lab::RtRoute route(rtnl_route_alloc());
        auto target = lab::parse_address(destination);
        rtnl_route_set_family(route.get(), AF_INET);
        rtnl_route_set_table(route.get(), RT_TABLE_LOCAL);
        rtnl_route_set_scope(route.get(), type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
        rtnl_route_set_type(route.get(), type);
        lab::check_nl(rtnl_route_set_dst(route.get(), target.get()), "bad destination {}", destination);
        if (type == RTN_LOCAL) {
            auto* hop = rtnl_route_nh_alloc();  // the route frees it
            rtnl_route_nh_set_ifindex(hop, static_cast<int>(world.index("lo")));
            rtnl_route_add_nexthop(route.get(), hop);
        }
        lab::check_nl(present ? rtnl_route_add(world.rtnl(), route.get(), 0)
                              : rtnl_route_delete(world.rtnl(), route.get(), 0),
                      "cannot change the route of {}", destination);
    }

    lab::Lab lab{"scale"};
    lab::Host& balancer = lab.host("balancer");
    lab::Host& world = lab.host("world");
};

/// Accepts, and closes.
int serve() {
    auto listener = lab::listen_tcp(lab::endpoint("0.0.0.0:80"));
    for (;;) {
        pollfd wanted{.fd = listener.get(), .events = POLLIN, .revents = 0};
        ::poll(&wanted, 1, -1);
        while (UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))) {
        }
    }
}

constexpr double kUnreached = std::numeric_limits<double>::infinity();

std::string text_of(double ms) {
    return std::isnan(ms) ? "" : std::isinf(ms) ? "not reached" : fmt::format("{:.1f}", ms);
}

/// `target` and `floor` NAN: none.
void print(const std::string& what, double target, double ms, double cpu_ms, double floor = NAN) {
    fmt::print("| {} | {} | {} | {} | {} |\n", what, std::isnan(target) ? "" : fmt::format("{:.0f}", target),
               text_of(ms), text_of(cpu_ms), std::isnan(floor) ? "" : fmt::format("{:.1f}", cpu_ms / floor));
    std::fflush(stdout);
}

template <class Work>
double cpu_ms_of(Work work) {
    timespec before{}, after{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    work();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    return static_cast<double>(after.tv_sec - before.tv_sec) * 1e3 +
           static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e6;
}

/// What cannot be done without, in ms of processor time.
struct Floors {
    double change;  // the table of one pool is built
    double start;   // the file is read, and each pool's table is built

    Floors(const Options& options, const Scenario& scenario) {
        std::vector<sched::Candidate> candidates;
        candidates.reserve(static_cast<size_t>(options.backends));
        for (int k = 0; k < options.backends; k++)
            candidates.push_back({lab::must(net::Ip::parse(backend(0, k))), 1});
        std::vector<double> builds;
        builds.reserve(static_cast<size_t>(options.repeat));
        for (int i = 0; i < options.repeat; i++)
            builds.push_back(cpu_ms_of([&] { sched::build_table(model::Scheduler{}, candidates); }));
        change = quantile(builds, .5);
        auto text = write_yaml(options, scenario);
        start = cpu_ms_of([&] {
            if (!config::parse(text)) lab::give_up("the bench's own configuration is refused");
        });
        start += change * scenario.pools;
    }
};

/// Asks for the changes one after the other, and takes the time until the kernel has each.
void measure_changes(const std::string& what, Daemon& daemon, const Tables& kernel, double floor,
                     const std::vector<std::string>& bodies) {
    std::vector<double> times, cpu;
    for (const auto& body : bodies) {
        std::this_thread::sleep_for(50ms);
        auto before = kernel.generation();
        auto cpu_before = daemon.cpu();
        auto start = wall_seconds();
        auto asking = std::async(std::launch::async, [&] { daemon.must("POST", "/api/v1/overrides", body); });
        bool done = daemon.await([&] { return kernel.generation() != before; }, kChange);
        times.push_back(done ? (wall_seconds() - start) * 1e3 : kUnreached);
        cpu.push_back(daemon.cpu() - cpu_before);
        asking.get();
        if (!done) break;
    }
    print(what + ", median", 10, quantile(times, .5), quantile(cpu, .5), floor);
    print(what + ", slowest", NAN, quantile(times, 1), quantile(cpu, 1), floor);
}

void measure_overrides(Daemon& daemon, const Tables& kernel, const Options& options, double floor) {
    std::vector<std::string> weights, drains;
    for (int i = 0; i < options.repeat; i++) {
        weights.push_back(fmt::format(R"({{"backend": "{}", "weight": 5}})", backend(i, 0)));
        drains.push_back(fmt::format(R"({{"backend": "{}", "state": "disabled"}})", backend(i, 1)));
    }
    measure_changes("one backend's weight changes, by the API", daemon, kernel, floor, weights);
    measure_changes("one backend is disabled, by the API", daemon, kernel, floor, drains);
}

/// A check fails, and what is left is the daemon's part.
void measure_death(Site& site, Daemon& daemon, const Tables& kernel) {
    auto usable = kernel.usable();
    site.route(RTN_UNREACHABLE, backend(20, 0) + "/32");
    bool failed = daemon.await([&] { return kernel.usable() < usable; }, kUsable);
    print("a check fails, to the kernel", 10,
          failed ? daemon.metric("weir_plan_apply_seconds") * 1e3 : kUnreached, NAN);
    site.route(RTN_UNREACHABLE, backend(20, 0) + "/32", false);
}

void measure_start(Daemon& daemon, const Options& options, const Scenario& scenario, double floor) {
    bool planned = daemon.await(
        [&] {
            auto health = daemon.call("GET", "/healthz");
            return health && health->status == 200;
        },
        kUsable);
    if (!planned) lab::give_up("no plan in {} s:\n{}", kUsable.count(), daemon.log());
    print("from exec to the plan in force", 2000, daemon.since_start(), daemon.cpu(), floor);
    auto all = static_cast<size_t>(options.services) * static_cast<size_t>(options.backends);
    bool usable = daemon.await([&] { return Tables(daemon.pins()).usable() == all; }, kUsable);
    print(fmt::format("… to all {} targets usable", all), scenario.checks ? NAN : 2000,
          usable ? daemon.since_start() : kUnreached, daemon.cpu(), floor);
    if (!usable) fmt::print("| … of which are usable | | {} | | |\n", Tables(daemon.pins()).usable());
}

void measure(const Options& options, const Scenario& scenario) {
    if (!scenario.name.contains(options.only)) return;
    fmt::print(
        "\n#### {}\n\n| step | target, ms | ms | ms of processor time | × floor |\n|---|---|---|---|---|\n",
        scenario.name);
    const Floors floors(options, scenario);
    Site site;
    std::optional<lab::Process> server;
    if (scenario.checks) server.emplace(site.world, serve);
    Daemon daemon(site.balancer, options.binary, write_yaml(options, scenario));
    measure_start(daemon, options, scenario, floors.start);
    std::this_thread::sleep_for(1s);  // what is left of the start

    Tables kernel(daemon.pins());
    measure_overrides(daemon, kernel, options, floors.change);
    if (scenario.checks) measure_death(site, daemon, kernel);
    auto cpu = daemon.cpu(), start = wall_seconds();
    daemon.must("POST", "/api/v1/reload");
    print("the same file is loaded again", NAN, (wall_seconds() - start) * 1e3, daemon.cpu() - cpu);
    cpu = daemon.cpu();
    std::this_thread::sleep_for(5s);
    print("a second of nothing new", NAN, 1000, (daemon.cpu() - cpu) / 5);
    fmt::print(
        "\nFloor: {:.0f} ms for the start, {:.1f} ms for a change. Memory: {:.0f} MB resident (at most "
        "{:.0f}), "
        "{:.0f} MB of them the process's own; maps in the kernel {:.0f} MB.\n",
        floors.start, floors.change, daemon.memory("VmRSS") / 1e6, daemon.memory("VmHWM") / 1e6,
        daemon.memory("RssAnon") / 1e6, kernel.bytes() / 1e6);
}

void run(const Options& options) {
    fmt::print("### {} services of {} backends each; {}\n", options.services, options.backends,
               describe_machine());
    lab::SignalTrap trap;  // so that the namespaces are removed
    int few = std::max(options.services / 10, 1);
    measure(options, {fmt::format("{} pools, no checks", few), few, false});
    measure(options, {fmt::format("{} pools, tcp checks", few), few, true});
    measure(options, {"a pool for each service, no checks", options.services, false});
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        weir::bench::Options options;
        CLI::App app("What the control plane takes for a large configuration");
        app.add_option("--binary", options.binary, "of the daemon")->capture_default_str();
        app.add_option("--services", options.services)->capture_default_str();
        app.add_option("--backends", options.backends, "of each pool, at most 250")->capture_default_str();
        app.add_option("--only", options.only, "set-ups with this in their name");
        app.add_option("--repeat", options.repeat, "of each change")->capture_default_str();
        CLI11_PARSE(app, argc, argv);
        weir::bench::run(options);
        return 0;
    });
}
