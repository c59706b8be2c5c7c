// weir echo: sends back what it gets over TCP or UDP.
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "base/background.h"
#include "cli/echo_server.h"
#include "cli/subcommand.h"

namespace weir::cli {
namespace {

struct Asked {
    std::vector<std::string> addresses;
    bool udp = false;
    bool background = false;
    bool every_core = false;
};

using Sockets = std::vector<UniqueFd>;

/// Of each worker, one for each address.
Result<std::vector<Sockets>> open_sockets(const std::vector<net::Endpoint>& endpoints, EchoProtocol protocol,
                                          size_t workers) {
    std::vector<Sockets> all(workers);
    for (auto& sockets : all)
        for (const auto& endpoint : endpoints) {
            auto socket = open_echo_socket(endpoint, protocol, workers > 1);
            if (!socket) return propagate(socket);
            sockets.push_back(std::move(*socket));
        }
    return all;
}

/// As many connections as the system allows.
void raise_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

int echo(const Asked& asked) {
    if (asked.addresses.empty()) return refuse({"echo needs an address: `weir echo 127.0.0.1:8000`"});
    std::vector<net::Endpoint> endpoints;
    for (const auto& address : asked.addresses) {
        auto endpoint = net::Endpoint::parse(address);
        if (!endpoint) return refuse(endpoint.error());
        endpoints.push_back(*endpoint);
    }
    const auto protocol = asked.udp ? EchoProtocol::udp : EchoProtocol::tcp;
    const size_t workers = asked.every_core ? std::max(1u, std::thread::hardware_concurrency()) : 1;
    raise_limit();
    auto sockets = open_sockets(endpoints, protocol, workers);
    if (!sockets) return complain(sockets.error());
    if (asked.background) {
        auto background = Background::begin();
        if (!background) return complain(background.error());
        if (auto settled = background->settle(); !settled) return complain(settled.error());
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<std::jthread> others;
    for (size_t i = 1; i < workers; ++i)
        others.emplace_back([&own = sockets->at(i), protocol] { serve_echo(std::move(own), protocol); });
    serve_echo(std::move(sockets->front()), protocol);
    return kDone;
}

}  // namespace

Run declare_echo(Options& options, const Context&) {
    auto asked = std::make_shared<Asked>();
    options.arguments("ADDRESS:PORT", asked->addresses, "Where to listen");
    options.flag("--udp", asked->udp, "Datagrams, and not connections");
    options.flag("-d,--daemon", asked->background, "Go to the background, once it listens");
    options.flag("-f,--fork", asked->every_core, "A worker for each core");
    return [asked] { return echo(*asked); };
}

}  // namespace weir::cli
