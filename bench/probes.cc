// How many probes one core sustains: checks of each kind, as many at a time as a balancer may have, against a
// server in another process; on loopback, and as the probes of a service travel, by the engine's detour to a
// backend behind a switch. Prints the table of doc/performance.md.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>

#include "bench/measure.h"
#include "engine/xdp/xdp.h"
#include "health/probe.h"
#include "lab/bpffs.h"
#include "lab/dsr.h"
#include "lab/failure.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

struct Options {
    int seconds = 5;
    int at_once = 64;
};

const net::Endpoint kVip{*net::Ip::parse(lab::Dsr::kVip4), net::Port(80)};
const model::TargetKey kTarget{{kVip.address, kVip.port, model::Protocol::tcp},
                               *net::Ip::parse(lab::Dsr::address4(0))};

/// Straight to the server on loopback.
class Straight : public health::Path {
  public:
    explicit Straight(net::Endpoint to) : to_(to) {}

    net::Opened open(const model::TargetKey&, net::Carrier, net::Port) override {
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) return fail_with(errno, "cannot open a socket");
        return net::Passage(std::move(fd), to_, [] {});
    }

  private:
    net::Endpoint to_;
};

/// As the probes of a `dsr` service travel: to the VIP, with the backend's MAC address.
class Detoured : public health::Path {
  public:
    /// In the balancer's network namespace. Returns when the backend can be reached.
    Detoured(asio::io_context& context, const std::string& pins)
        : engine_(lab::must(engine::xdp::Xdp::open(context.get_executor(), pins, [] {}))) {
        model::Plan plan;
        plan.flows.size = 1024;
        plan.interfaces = {{.name = lab::Dsr::kInterface, .mode = model::XdpMode::native}};
        model::Frontend frontend;
        frontend.key = kTarget.frontend;
        frontend.scheduler.table_size = 1021;
        frontend.targets.push_back({{kTarget.backend}, {true, ""}, model::Accepts::all});
        plan.frontends.push_back(frontend);
        lab::must(engine_->apply(plan));
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (!engine_->unreachable().empty())
            if (context.run_one_until(deadline) == 0)
                lab::give_up("no way to the backend: {}", engine_->unreachable().begin()->second);
    }

    net::Opened open(const model::TargetKey& target, net::Carrier carrier, net::Port port) override {
        return engine_->open_passage(target, carrier, port);
    }

  private:
    std::unique_ptr<engine::xdp::Xdp> engine_;
};

/// Answers one client after the other, each at once; what a client says, if anything, fits one read.
[[noreturn]] void serve(int listener) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    constexpr std::string_view kResponse =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    char request[1024];
    for (;;) {
        UniqueFd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) continue;
        if (::recv(client.get(), request, sizeof request, 0) > 0)
            std::ignore = ::send(client.get(), kResponse.data(), kResponse.size(), MSG_NOSIGNAL);
    }
}

/// The server in a process of its own, which ends with this object.
class Server {
  public:
    explicit Server(const net::Endpoint& at) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto any = net::to_socket_address(at);
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        if (::bind(listener_.get(), any.get(), any.size) != 0 || ::listen(listener_.get(), 4096) != 0 ||
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
            lab::give_up("cannot listen: {}", std::strerror(errno));
        endpoint_ = lab::must(net::from_socket_address(bound));
        process_ = lab::check(::fork(), "cannot fork");
        if (process_ == 0) serve(listener_.get());
    }
    ~Server() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    Server(const Server&) = delete;

    net::Endpoint endpoint() const { return endpoint_; }

  private:
    UniqueFd listener_;
    net::Endpoint endpoint_;
    pid_t process_ = -1;
};

struct Count {
    int probing = 0;
    uint64_t passed = 0;
    uint64_t failed = 0;
    std::string failure;
};

asio::awaitable<void> keep_probing(const model::Check& check, health::Path& path, Clock& clock, double until,
                                   Count& count) {
    while (wall_seconds() < until) {
        auto outcome = co_await health::probe(check, kTarget, path, clock);
        bool passed = outcome && outcome->ok;
        passed ? count.passed++ : count.failed++;
        if (!passed) count.failure = outcome ? outcome->message : outcome.error().message;
    }
    count.probing--;
}

/// Runs in the context what else is to run there, too: the engine.
void measure(const std::string& name, const model::Check& check, const Options& options,
             asio::io_context& context, health::Path& path) {
    Count count;
    SystemClock clock(context.get_executor());
    auto started = wall_seconds(), cpu_started = cpu_seconds();
    for (count.probing = 0; count.probing < options.at_once; count.probing++)
        asio::co_spawn(context, keep_probing(check, path, clock, started + options.seconds, count),
                       asio::detached);
    context.restart();
    while (count.probing > 0) context.run_one();
    auto wall = wall_seconds() - started, cpu = cpu_seconds() - cpu_started;
    auto probes = static_cast<double>(count.passed + count.failed);
    fmt::print("| {} | {:.0f} | {:.0f} | {:.0f} | {} |\n", name, probes / wall, probes / cpu,
               cpu / probes * 1e6, count.failed ? fmt::format("{}: {}", count.failed, count.failure) : "0");
    std::fflush(stdout);
}

void measure_all(const std::string& way, const Options& options, asio::io_context& context,
                 health::Path& path) {
    const auto of = [&](const char* check) { return fmt::format("{}, {}", check, way); };
    measure(of("tcp"), {.kind = model::TcpCheck{}, .timeout = 5s}, options, context, path);
    measure(of("http"), {.kind = model::HttpCheck{}, .timeout = 5s}, options, context, path);
    measure(of("http with its body"), {.kind = model::HttpCheck{.body = "ok"}, .timeout = 5s}, options,
            context, path);
}

void run(const Options& options) {
    fmt::print("### Probes, {} at a time; {}\n\n", options.at_once, describe_machine());
    fmt::print(
        "| check | probes a second | a second of one core | µs of it each | failed "
        "|\n|---|---|---|---|---|\n");
    {
        Server server({net::Ip::v4({127, 0, 0, 1}), net::Port(0)});
        Straight path(server.endpoint());
        asio::io_context context;
        measure_all("loopback", options, context, path);
    }
    lab::Dsr dsr({.lab = "probes", .backends = 1, .ipv6 = false});
    lab::PrivateBpffs bpffs;
    auto server = dsr.backend(0).run([] { return std::make_unique<Server>(kVip); });
    dsr.balancer().run([&] {
        asio::io_context context;
        Detoured path(context, bpffs.path() + "/weir");
        measure_all("detour", options, context, path);
    });
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        weir::bench::Options options;
        CLI::App app("How many probes one core sustains");
        app.add_option("--seconds", options.seconds, "of each kind")->capture_default_str();
        app.add_option("--at-once", options.at_once)->capture_default_str();
        CLI11_PARSE(app, argc, argv);
        spdlog::set_level(spdlog::level::warn);  // the engine's notes are no part of the table
        weir::bench::run(options);
        return 0;
    });
}
