#include "lab/gmond.h"

#include <unistd.h>

#include <csignal>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::lab {
namespace {

constexpr const char* kProgram = "/usr/sbin/gmond";

/// Of the collections a heartbeat alone: metrics come by report(). gmond wants each setting on a line of its
/// own.
std::string config(const std::string& address, const GmondOptions& options) {
    return fmt::format(R"(globals {{
  daemonize = no
  setuid = no
  debug_level = 0
  mute = no
  deaf = no
  host_dmax = 0
  host_tmax = {}
  cleanup_threshold = 300
  send_metadata_interval = 1
  override_hostname = "{}"
  override_ip = "{}"
}}
cluster {{
  name = "{}"
}}
udp_send_channel {{
  host = {}
  port = 8649
}}
udp_recv_channel {{
  bind = {}
  port = 8649
}}
tcp_accept_channel {{
  bind = {}
  port = 8649
}}
modules {{
  module {{
    name = "core_metrics"
  }}
}}
collection_group {{
  collect_every = 1
  time_threshold = 1
  metric {{
    name = "heartbeat"
  }}
}}
)",
                       options.tmax, address, address, options.cluster,
                       options.tell.empty() ? address : options.tell, address, address);
}

}  // namespace

Gmond::Gmond(Host& host, const std::string& address, const GmondOptions& options)
    : host_(host), address_(address) {
    dir_.write("gmond.conf", config(address, options));
    start();
}

void Gmond::report(const std::string& address, const std::string& metric, double value) {
    tell(address, metric, fmt::format("{}", value), "float");
}

void Gmond::report(const std::string& address, const std::string& metric, const std::string& text) {
    tell(address, metric, text, "string");
}

void Gmond::tell(const std::string& address, const std::string& metric, const std::string& value,
                 const char* type) {
    const auto done = run(host_, {"/usr/bin/gmetric", "-c", dir_ / "gmond.conf", "-n", metric, "-v", value,
                                  "-t", type, "-S", fmt::format("{0}:{0}", address)});
    if (done.status != 0) give_up("{}: gmetric fails: {}{}", host_.name(), done.out, done.err);
}

void Gmond::start() {
    process_.reset();
    process_ =
        std::make_unique<Process>(host_, std::vector<std::string>{kProgram, "-f", "-c", dir_ / "gmond.conf"});
    const auto answers = [&] {
        return connect_tcp(host_, endpoint(address_ + ":8649")).has_value() || !process_->alive();
    };
    if (!wait_until(answers, 10s) || !process_->alive())
        give_up("{}: gmond does not answer: {}{}", host_.name(), process_->out(), process_->err());
}

void Gmond::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("{}: gmond does not die", host_.name());
}

std::string Gmond::why_not() {
    return ::access(kProgram, X_OK) == 0 ? "" : "no /usr/sbin/gmond here (package ganglia-monitor)";
}

}  // namespace weir::lab
