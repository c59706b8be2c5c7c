// How many probes one core sustains: checks of each kind, as many at a time as a balancer may have, against a
// server in another process. Prints the table of doc/performance.md.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>

#include "bench/measure.h"
#include "health/probe.h"
#include "lab/failure.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

struct Options {
    int seconds = 5;
    int at_once = 64;
};

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

/// Answers one client after the other, each at once; what a client says, if anything, fits one read.
[[noreturn]] void serve(int listener) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    char request[1024];
    for (;;) {
        UniqueFd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) continue;
        if (::recv(client.get(), request, sizeof request, 0) > 0)
            std::ignore = ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
}

/// The server in a process of its own, which ends with this object.
class Server {
  public:
    Server() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto any = net::to_socket_address({net::Ip::v4({127, 0, 0, 1}), net::Port(0)});
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
    uint64_t passed = 0;
    uint64_t failed = 0;
    std::string failure;
};

asio::awaitable<void> keep_probing(const model::Check& check, health::Path& path, double until,
                                   Count& count) {
    model::TargetKey target{{net::Ip::v4({192, 0, 2, 1}), net::Port(80), model::Protocol::tcp},
                            net::Ip::v4({192, 0, 2, 10})};
    while (wall_seconds() < until) {
        auto outcome = co_await health::probe(check, target, path);
        bool passed = outcome && outcome->ok;
        passed ? count.passed++ : count.failed++;
        if (!passed) count.failure = outcome ? outcome->message : outcome.error().message;
    }
}

void measure(const char* name, const model::Check& check, const Options& options) {
    Server server;
    Straight path(server.endpoint());
    asio::io_context context;
    Count count;
    auto started = wall_seconds(), cpu_started = cpu_seconds();
    for (int i = 0; i < options.at_once; i++)
        asio::co_spawn(context, keep_probing(check, path, started + options.seconds, count), asio::detached);
    context.run();
    auto wall = wall_seconds() - started, cpu = cpu_seconds() - cpu_started;
    auto probes = static_cast<double>(count.passed + count.failed);
    fmt::print("| {} | {:.0f} | {:.0f} | {:.0f} | {} |\n", name, probes / wall, probes / cpu,
               cpu / probes * 1e6, count.failed ? fmt::format("{}: {}", count.failed, count.failure) : "0");
    std::fflush(stdout);
}

void run(const Options& options) {
    fmt::print("### Probes, {} at a time; {}\n\n", options.at_once, describe_machine());
    fmt::print(
        "| check | probes a second | a second of one core | µs of it each | failed "
        "|\n|---|---|---|---|---|\n");
    measure("tcp", {.kind = model::TcpCheck{}, .timeout = 5s}, options);
    measure("http", {.kind = model::HttpCheck{}, .timeout = 5s}, options);
    measure("http, with its body", {.kind = model::HttpCheck{.body = "ok"}, .timeout = 5s}, options);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    weir::bench::Options options;
    CLI::App app("How many probes one core sustains");
    app.add_option("--seconds", options.seconds, "of each kind")->capture_default_str();
    app.add_option("--at-once", options.at_once)->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    return weir::bench::status_of([&] { weir::bench::run(options); });
}
