#include "lab/demo.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "lab/daemon.h"
#include "lab/demo_ecmp.h"
#include "lab/dsr.h"
#include "lab/load.h"
#include "lab/outage.h"
#include "lab/speech.h"
#include "lab/tcp.h"
#include "lab/web.h"

namespace weir::lab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kParallel = 8;  // connections of the burst
constexpr unsigned kRate = 250;  // requests a second while something breaks: light, so that nothing else does
constexpr net::Port kApiPort{9070};

constexpr const char* kConfig = R"(# What `weir demo` runs with.
interfaces:
  - {name: eth0, mode: auto}
pools:
  web:
    static: [10.1.10.10, 10.1.10.11, 10.1.10.12]
services:
  web:
    vip: [192.168.101.1]
    ports: [80/tcp]
    pool: web
    forward: dsr
    checks:
      - {http: {path: /alive, expect: 200}, interval: 200ms, timeout: 200ms, history: 3, rise: 2, fall: 2}
)";

class Demo {
  public:
    Demo(const DemoOptions& options, const std::string& binary) : options_(options), binary_(binary) {}

    bool run() {
        build();
        bool good = spread();
        good &= breaks("backend-2's server is killed", 1, [&] { servers_.at(1).kill(); });
        good &= comes_back("backend-2's server starts again", 1, [&] { servers_.at(1).start(); });
        good &= breaks("backend-3's host loses its network", 2, [&] { dsr_.cable(2, false); });
        good &= comes_back("backend-3's host has it again", 2, [&] { dsr_.cable(2, true); });
        say("\n{}\n",
            good ? judged("All as it should be.", true) : judged("This is not as it should be.", false));
        if (!good) say("\nThe daemon's log:\n{}", daemon_->log());
        return good;
    }

    /// Until a signal comes, as an exception.
    void stay();

  private:
    void build();
    void listen_for_api();
    bool spread();
    bool breaks(const std::string& what, size_t victim, const std::function<void()>& change);
    bool comes_back(const std::string& what, size_t backend, const std::function<void()>& change);
    std::optional<Clock::duration> change_until(size_t backend, const char* health,
                                                const std::function<void()>& change, Outage& outage);
    std::string health(size_t backend) const;
    std::string mode() const;

    const net::Endpoint vip_ = endpoint("192.168.101.1:80");
    const DemoOptions& options_;
    const std::string& binary_;
    Dsr dsr_{{.lab = "demo", .ipv6 = false}};
    std::deque<WebServer> servers_;
    net::Endpoint api_{must(net::Ip::parse("127.0.0.1")), kApiPort};
    UniqueFd api_listener_;
    std::unique_ptr<Daemon> daemon_;
};

void Demo::build() {
    const auto started = Clock::now();
    for (size_t i = 0; i < dsr_.size(); ++i)
        servers_.emplace_back(dsr_.backend(i), dsr_.backend(i).name(), binary_);
    listen_for_api();
    daemon_ =
        std::make_unique<Daemon>(dsr_.balancer(), binary_, kConfig, std::vector<int>{api_listener_.get()});
    for (size_t i = 0; i < dsr_.size(); ++i)
        if (!wait_until([&] { return health(i) == "up"; }, 20s))
            give_up("{} does not come up; the daemon's log:\n{}", dsr_.backend(i).name(), daemon_->log());
    say("{}\n\n"
        "  client 10.1.10.1 ──▶ 192.168.101.1:80 ──▶ balancer 10.1.10.100 (XDP, {}) ──▶ backends 10.1.10.10, "
        ".11, .12\n"
        "         ▲───────────────────── answers go straight back ─────────────────────────┘\n\n"
        "  Network namespaces of this machine, the real daemon, checks over HTTP every 200 ms; up after {} "
        "ms.\n\n",
        strong("weir: direct server return over XDP"), mode(), milliseconds(Clock::now() - started));
}

/// The listening socket is this host's, the daemon that serves it runs in the balancer's namespace.
void Demo::listen_for_api() {
    try {
        api_listener_ = listen_tcp(api_);
    } catch (const Failure&) {
        api_listener_ = listen_tcp({api_.address, net::Port(0)});
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        check(::getsockname(api_listener_.get(), reinterpret_cast<sockaddr*>(&bound), &size),
              "cannot ask for a port");
        api_ = must(net::from_socket_address(bound));
        say("Port {} of this host is taken: the API is at {}.\n\n", kApiPort.value(), api_.text());
    }
}

/// As the plan in force has it; empty when the daemon says nothing.
std::string Demo::health(size_t backend) const {
    const Result<boost::json::value> plan = daemon_->get("/api/v1/plan");
    if (!plan) return {};
    for (const boost::json::value& target : plan->at("frontends").at(0).at("targets").as_array())
        if (target.at("address").as_string() == Dsr::address4(backend))
            return target.at("health").as_string().c_str();
    return {};
}

std::string Demo::mode() const {
    return must(daemon_->get("/api/v1/status")).at("interfaces").at(0).at("mode").as_string().c_str();
}

bool Demo::spread() {
    const auto started = Clock::now();
    const std::vector<Answer> answers = burst(dsr_.client(), vip_, options_.requests, kParallel);
    const auto took = Clock::now() - started;
    std::map<std::string, size_t> counts;
    size_t failed = 0;
    for (const Answer& answer : answers) answer.ok ? ++counts[answer.text] : ++failed;
    say("{}\n", strong(fmt::format("{} requests, each on a connection of its own", answers.size())));
    for (size_t i = 0; i < dsr_.size(); ++i) {
        const size_t count = counts[dsr_.backend(i).name()];
        const double share =
            answers.empty() ? 0 : static_cast<double>(count) / static_cast<double>(answers.size());
        std::string bar;
        for (int step = 0; step < static_cast<int>(share * 60); ++step) bar += "█";
        say("  {}  {:12} {:6}  {:5.1f} %  {}\n", dsr_.backend(i).name(), Dsr::address4(i), count, share * 100,
            paint(bar, "36"));
    }
    say("  {} in {} ms\n", judged(fmt::format("{} failed", failed), failed == 0), milliseconds(took));
    const auto served = [&](size_t i) { return counts[dsr_.backend(i).name()] > 0; };
    return failed == 0 && served(0) && served(1) && served(2);
}

/// Makes a change under a steady load; how long until the plan in force says `health`, or nothing after ten
/// seconds.
std::optional<Clock::duration> Demo::change_until(size_t backend, const char* wanted,
                                                  const std::function<void()>& change, Outage& outage) {
    SteadyLoad load(dsr_.client(), vip_, kRate);
    pause_for(300ms);
    const auto changed = Clock::now();
    change();
    const bool seen = wait_until([&] { return health(backend) == wanted; }, 10s);
    const auto noticed = Clock::now();
    pause_for(1s);
    outage = outage_of(load.stop(), changed, noticed);
    if (!seen) return std::nullopt;
    return noticed - changed;
}

std::string listed(const std::map<std::string, size_t>& counts) {
    std::string text;
    for (const auto& [name, count] : counts)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
    return text;
}

bool Demo::breaks(const std::string& what, size_t victim, const std::function<void()>& change) {
    say("\n{}\n", strong(fmt::format("{}, under {} requests a second", what, kRate)));
    Outage outage;
    const auto time = change_until(victim, "down", change, outage);
    if (!time) {
        say("  {}\n", judged("not noticed within 10 s", false));
        return false;
    }
    const bool taken_over =
        outage.since.size() == dsr_.size() - 1 && !outage.since.contains(dsr_.backend(victim).name());
    const bool clean = outage.failed_otherwise == 0;
    say("  noticed after {}: until then {} failed, the slowest answer took {} ms\n",
        strong(fmt::format("{} ms", milliseconds(*time))), outage.failed_until_noticed,
        outage.slowest.count());
    say("  from then on {}; answered by {}\n",
        judged(fmt::format("{} failed", outage.failed_otherwise), clean),
        judged(listed(outage.since), taken_over));
    if (!clean) say("  the first failure: {}\n", outage.first_error);
    return clean && taken_over;
}

bool Demo::comes_back(const std::string& what, size_t backend, const std::function<void()>& change) {
    Outage outage;
    const auto time = change_until(backend, "up", change, outage);
    const size_t failed = outage.failed_otherwise + outage.failed_until_noticed;
    const bool good = time && failed == 0 && outage.since.contains(dsr_.backend(backend).name());
    say("  {}: {}\n", what,
        time ? fmt::format("in use after {} ms, {}; answers since by {}", milliseconds(*time),
                           judged(fmt::format("{} failed", failed), failed == 0), listed(outage.since))
             : judged("not noticed within 10 s", false));
    return good;
}

void Demo::stay() {
    const std::string client = dsr_.client().netns_name();
    say("\n{}\n"
        "  curl http://{}/api/v1/status\n"
        "  curl http://{}/metrics\n"
        "  sudo {} --socket {} backends\n"
        "  sudo ip netns exec {} curl http://{}/\n"
        "`ip netns list` names the hosts. Change {} and run `weir --socket … reload`.\n",
        strong("It goes on until Ctrl-C. In another terminal:"), api_.text(), api_.text(), binary_,
        daemon_->socket(), client, vip_.address.text(), daemon_->config_path());
    for (;;) pause_for(1s);
}

}  // namespace

int demo(const DemoOptions& options, const std::string& weir_binary) {
    if (const std::string why = why_no_lab(); !why.empty()) {
        fmt::print(stderr, "weir demo: {}; try sudo\n", why);
        return 1;
    }
    if (!options.backend.empty()) return serve_name(options.backend);
    SignalTrap trap;
    bool good = false;
    try {
        if (options.ecmp) {
            EcmpDemo demo(weir_binary);
            good = demo.run();
            if (options.keep) demo.stay();
        } else {
            Demo demo(options, weir_binary);
            good = demo.run();
            if (options.keep) demo.stay();
        }
    } catch (const Interrupted&) {
        say("\nStopped; everything is removed.\n");
    } catch (const std::exception& error) {
        fmt::print(stderr, "weir demo: {}\n", error.what());
        good = false;
    }
    return good ? 0 : 1;
}

}  // namespace weir::lab
