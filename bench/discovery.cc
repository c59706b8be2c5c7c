// One pool of 10,000 backends, out of a file and out of etcd: from the daemon's start to the kernel, from a
// change at the source to the kernel, and what it takes of memory. Prints a table of doc/performance.md.
//
//   balancer 10.255.0.1 ── 10.255.0.2 world: every address of 10.0.0.0/8, which are the backends; etcd
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/daemon.h"
#include "bench/measure.h"
#include "lab/failure.h"
#include "lab/lab.h"
#include "lab/tcp.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 120s;

struct Options {
    std::string binary = beside_itself("../weir");
    int backends = 10000;
    int repeat = 5;
};

std::string backend(int i) {
    return fmt::format("10.{}.{}.{}", 1 + i / 62500, i / 250 % 250, 1 + i % 250);
}

/// Where backends stand, one after the other.
class Origin {
  public:
    virtual ~Origin() = default;
    virtual std::string name() const = 0;
    virtual std::string yaml() const = 0;
    /// From now on there are the first `count`.
    virtual void hold(int count) = 0;
};

class FileOrigin final : public Origin {
  public:
    std::string name() const override { return "file"; }
    std::string yaml() const override {
        return fmt::format("file: {{path: {}}}", (directory_ / "list").string());
    }
    void hold(int count) override {
        std::string text;
        for (int i = 0; i < count; i++) text += backend(i) + "\n";
        directory_.write("next", text);
        std::filesystem::rename(directory_ / "next", directory_ / "list");
    }

  private:
    lab::TempDir directory_;
};

class EtcdOrigin final : public Origin {
  public:
    explicit EtcdOrigin(lab::Host& host)
        : host_(host),
          process_(
              host,
              {"etcd", "--data-dir", directory_ / "data", "--unsafe-no-fsync", "--listen-client-urls", kUrl,
               "--advertise-client-urls", kUrl, "--listen-peer-urls", kPeer, "--initial-advertise-peer-urls",
               kPeer, "--initial-cluster", std::string("default=") + kPeer, "--log-level", "warn"},
              {.output_file = directory_ / "log"}) {
        auto answers = [&] {
            return lab::connect_tcp(host_, lab::endpoint("10.255.0.2:2379"), 1s).has_value();
        };
        if (!lab::wait_until(answers, 30s))
            lab::give_up("etcd does not come up: {}", lab::read_file(directory_ / "log"));
    }
    std::string name() const override { return "etcd"; }
    std::string yaml() const override {
        return fmt::format("etcd: {{endpoints: ['{}'], prefix: /web/}}", kUrl);
    }
    void hold(int count) override {
        constexpr int kOperations = 125;  // of a transaction; etcd takes 128
        for (; held_ < count; held_ = std::min(held_ + kOperations, count)) {
            std::string text = "\n";
            for (int i = held_; i < std::min(held_ + kOperations, count); i++)
                text += fmt::format("put /web/{:06} {}\n", i, backend(i));
            etcdctl("txn", text + "\n\n");
        }
        if (held_ > count) etcdctl(fmt::format("del /web/{:06} /web/{:06}", count, held_), "");
        held_ = count;
    }

  private:
    static constexpr const char* kUrl = "http://10.255.0.2:2379";
    static constexpr const char* kPeer = "http://127.0.0.1:2380";

    void etcdctl(const std::string& words, const std::string& input) {
        auto script = directory_.write("input", input);
        auto command = fmt::format("ETCDCTL_API=3 etcdctl --endpoints {} {} <{}", kUrl, words, script);
        auto done = lab::run(host_, {"sh", "-c", command});
        if (done.status != 0) lab::give_up("etcdctl: {}{}", done.out, done.err);
    }

    lab::Host& host_;
    lab::TempDir directory_;
    lab::Process process_;
    int held_ = 0;
};

void print(const std::string& origin, const std::string& what, double ms, double cpu_ms) {
    fmt::print("| {} | {} | {:.1f} | {:.1f} |\n", origin, what, ms, cpu_ms);
    std::fflush(stdout);
}

/// One comes, one goes: from the moment when the source has it.
void measure_changes(const Options& options, Origin& origin, Daemon& daemon, const Tables& kernel) {
    std::vector<double> times, cpu;
    for (int i = 0; i < 2 * options.repeat; i++) {
        std::this_thread::sleep_for(500ms);
        auto wanted = options.backends + (i % 2 == 0 ? 1 : 0);
        auto before = daemon.cpu();
        origin.hold(wanted);
        auto start = wall_seconds();
        if (!daemon.await([&] { return kernel.usable() == static_cast<size_t>(wanted); }, kLimit))
            lab::give_up("{}: {} of {} backends in the kernel:\n{}", origin.name(), kernel.usable(), wanted,
                         daemon.log());
        times.push_back((wall_seconds() - start) * 1e3);
        cpu.push_back(daemon.cpu() - before);
    }
    print(origin.name(), "one comes or goes, median", quantile(times, .5), quantile(cpu, .5));
    print(origin.name(), "one comes or goes, slowest", quantile(times, 1), quantile(cpu, 1));
}

void measure(const Options& options, lab::Host& balancer, Origin& origin) {
    origin.hold(options.backends);
    Daemon daemon(balancer, options.binary,
                  fmt::format("interfaces: [eth0]\nflows: {{size: 65536}}\npools:\n"
                              "  web: {{{}, damping: 0s, minimum: 0}}\nservices:\n"
                              "  web: {{vip: 192.0.2.1, ports: 80, pool: web, forward: nat}}\n",
                              origin.yaml()));
    auto all = static_cast<size_t>(options.backends);
    auto ready = [&] {
        auto health = daemon.call("GET", "/healthz");
        return health && health->status == 200;
    };
    if (!daemon.await(ready, kLimit)) lab::give_up("no plan:\n{}", daemon.log());
    bool usable = daemon.await([&] { return Tables(daemon.pins()).usable() == all; }, kLimit);
    if (!usable)
        lab::give_up("{}: {} of {} in the kernel:\n{}", origin.name(), Tables(daemon.pins()).usable(), all,
                     daemon.log());
    print(origin.name(), fmt::format("from exec to {} targets usable", all), daemon.since_start(),
          daemon.cpu());
    measure_changes(options, origin, daemon, Tables(daemon.pins()));
    auto cpu = daemon.cpu();
    std::this_thread::sleep_for(5s);
    print(origin.name(), "a second of nothing new", 1000, (daemon.cpu() - cpu) / 5);
    fmt::print("| {} | memory: resident; at most; its own; MB | {:.0f}; {:.0f}; {:.0f} | |\n", origin.name(),
               daemon.memory("VmRSS") / 1e6, daemon.memory("VmHWM") / 1e6, daemon.memory("RssAnon") / 1e6);
}

void run(const Options& options) {
    fmt::print(
        "### One pool of {} backends from a source; {}\n\n| source | step | ms | ms of processor time |\n"
        "|---|---|---|---|\n",
        options.backends, describe_machine());
    lab::SignalTrap trap;  // so that the namespaces are removed
    lab::Lab lab("discovery");
    auto &balancer = lab.host("balancer"), &world = lab.host("world");
    lab.connect(balancer, "eth0", world, "eth0");
    balancer.add_address("eth0", "10.255.0.1/24");
    world.add_address("eth0", "10.255.0.2/24");
    balancer.await_carrier("eth0");
    balancer.add_route("10.0.0.0/8", "10.255.0.2");
    {
        FileOrigin file;
        measure(options, balancer, file);
    }
    EtcdOrigin etcd(world);
    measure(options, balancer, etcd);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        weir::bench::Options options;
        CLI::App app("What a large pool takes that a source finds");
        app.add_option("--binary", options.binary, "of the daemon")->capture_default_str();
        app.add_option("--backends", options.backends)->capture_default_str()->check(CLI::Range(1, 60000));
        app.add_option("--repeat", options.repeat, "of each change")->capture_default_str();
        CLI11_PARSE(app, argc, argv);
        weir::bench::run(options);
        return 0;
    });
}
