#include "bench/proxy_subject.h"

#include "bench/measure.h"
#include "bench/proxy_backend.h"
#include "bench/stream_load.h"
#include "lab/failure.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kStart = 15s;
constexpr int kMost = 12'000;  // sockets of a peer; it has two for each connection
constexpr const char* kStreamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// Connections leave many ports behind that wait for late packets: these may be used again.
void allow_many_connections(lab::Host& host) {
    host.sysctl("net.ipv4.ip_local_port_range", "10000 64999");
    host.sysctl("net.ipv4.tcp_tw_reuse", "1");
}

}  // namespace

std::string name_of(Kind kind) {
    switch (kind) {
        case Kind::direct:
            return "direct";
        case Kind::weir:
            return "weir";
        case Kind::weir_busy:
            return "weir-busy";
        case Kind::haproxy:
            return "haproxy";
        case Kind::haproxy_pipes:
            return "haproxy-pipes";
        case Kind::nginx:
            return "nginx";
    }
    return "";
}

Subject::Subject(Kind kind, lab::Lab& lab, const std::string& binary)
    : kind_(kind), binary_(binary), client_(lab.host("client")), host_(lab.host(name_of(kind))) {
    auto& backend = lab.host("backend");
    const auto cable = name_of(kind);
    lab.connect(client_, cable, host_, "eth0");
    lab.connect(host_, "eth1", backend, cable);
    client_.add_address(cable, own(1, 2) + "/24");
    host_.add_address("eth0", own(1, 1) + "/24");
    host_.add_address("eth1", own(2, 1) + "/24");
    backend.add_address(cable, own(2, 2) + "/24");
    for (auto* each : {&client_, &host_}) allow_many_connections(*each);
    if (kind_ == Kind::direct) {
        host_.forward_packets();
        client_.add_route(own(2, 0) + "/24", own(1, 1));
        backend.add_route(own(1, 0) + "/24", own(2, 1));
    }
}

std::string Subject::own(int network, int host) const {
    return fmt::format("10.{}.{}.{}", static_cast<int>(kind_) + 1, network, host);
}

net::Endpoint Subject::front(net::Port port) const {
    const auto address = kind_ == Kind::direct ? own(2, 2) : own(1, 1);
    return {lab::must(net::Ip::parse(address)), port};
}

void Subject::start(int cpu) {
    daemon_.reset();
    process_.reset();
    {
        OnCpu there(cpu);
        spawn();
    }
    std::string why;
    const auto answers = [&] {
        try {
            client_.run([&] { connect_idle(front(kEchoPort), 1); });
            return true;
        } catch (const lab::Failure& failure) {
            why = failure.what();
        }
        return process_ && !process_->alive();
    };
    if (!lab::wait_until(answers, kStart) || (process_ && !process_->alive()))
        lab::give_up("{} does not carry connections: {}\n{}", name_of(kind_), why, complaint());
}

void Subject::spawn() {
    switch (kind_) {
        case Kind::direct:
            return;
        case Kind::weir:
        case Kind::weir_busy:
            daemon_ = std::make_unique<lab::Daemon>(host_, binary_, weir_config());
            return;
        case Kind::haproxy:
        case Kind::haproxy_pipes: {
            const auto file = dir_.write("haproxy.cfg", haproxy_config());
            process_ = std::make_unique<lab::Process>(
                host_, std::vector<std::string>{"/usr/sbin/haproxy", "-db", "-f", file});
            return;
        }
        case Kind::nginx: {
            const auto file = dir_.write("nginx.conf", nginx_config());
            process_ = std::make_unique<lab::Process>(
                host_, std::vector<std::string>{"/usr/sbin/nginx", "-e", dir_ / "error.log", "-p",
                                                dir_.path(), "-c", file});
            return;
        }
    }
}

pid_t Subject::pid() const {
    return daemon_ ? daemon_->pid() : process_ ? process_->pid() : 0;
}

std::string Subject::last_words() const {
    const bool lives = daemon_ ? daemon_->alive() : !process_ || process_->alive();
    return lives ? "" : fmt::format("{} has ended:\n{}", name_of(kind_), complaint());
}

std::string Subject::complaint() const {
    if (daemon_) return daemon_->log();
    return process_ ? process_->err() + lab::read_file(dir_ / "error.log") : "";
}

/// By splice-auto alone HAProxy 2.6 goes on copying here: it does not see that the stream is bulk.
std::string Subject::haproxy_config() const {
    const auto listen = [&](net::Port port) {
        return fmt::format("listen port-{0}\n  bind {1}:{0} backlog 4096\n  server backend {2}:{0}\n",
                           port.value(), own(1, 1), own(2, 2));
    };
    return fmt::format(
        "global\n  nbthread 1\n  maxconn {}\n{}"
        "defaults\n  mode tcp\n  option splice-auto\n  option splice-request\n  option splice-response\n"
        "  maxconn {}\n"
        "  timeout connect 5s\n  timeout client 5m\n  timeout server 5m\n"
        "{}{}",
        kMost / 2, kind_ == Kind::haproxy_pipes ? "  tune.pipesize 1048576\n" : "", kMost / 2,
        listen(kBulkPort), listen(kEchoPort));
}

/// One process, as `worker_processes 1` has for connections; a master besides would have no part in them.
std::string Subject::nginx_config() const {
    const auto server = [&](net::Port port, const char* how) {
        return fmt::format("  server {{ listen {0}:{1}{2}; proxy_pass {3}:{1}; }}\n", own(1, 1), port.value(),
                           how, own(2, 2));
    };
    return fmt::format(
        "load_module {};\ndaemon off;\nmaster_process off;\nworker_processes 1;\n"
        "pid {}/pid;\nevents {{ worker_connections {}; }}\nstream {{\n{}{}{}{}}}\n",
        kStreamModule, dir_.path().string(), kMost, server(kBulkPort, " backlog=4096"),
        server(kEchoPort, " backlog=4096"), server(kCountPort, " udp"), server(kAnswerPort, " udp"));
}

std::string Subject::weir_config() const {
    return fmt::format(
        "proxy: {{workers: 1{}}}\n"
        "pools: {{backend: {{static: [{}]}}}}\n"
        "services:\n"
        "  bench: {{vip: {}, ports: [{}/tcp, {}/tcp, {}/udp, {}/udp], pool: backend, forward: proxy}}\n",
        kind_ == Kind::weir_busy ? ", busy_poll: 1ms" : "", own(2, 2), own(1, 1), kBulkPort.value(),
        kEchoPort.value(), kCountPort.value(), kAnswerPort.value());
}

}  // namespace weir::bench
