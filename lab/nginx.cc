#include "lab/nginx.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::lab {
namespace {

constexpr const char* kProgram = "/usr/sbin/nginx";

std::string config(const std::string& dir, const std::string& name, const NginxOptions& options) {
    std::string listens;
    for (const std::string& address : options.listen)
        listens +=
            fmt::format("    listen {}{};\n", address, address.starts_with("[::]") ? " ipv6only=on" : "");
    std::string temps;
    for (const char* what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        temps += fmt::format("  {}_temp_path {}/{};\n", what, dir, what);
    return fmt::format(
        "daemon off;\nmaster_process off;\npid {0}/pid;\nerror_log {0}/error.log info;\n"
        "events {{ worker_connections 4096; }}\n"
        "http {{\n  access_log {0}/access.log;\n{1}  default_type text/plain;\n  sendfile on;\n"
        "  server {{\n{2}"
        "    location / {{ return 200 \"{3}\"; }}\n"
        "    location = /alive {{ return 200 \"alive\"; }}\n"
        "    location = /big {{ alias {0}/big; limit_rate {4}; }}\n"
        "    {5}\n  }}\n}}\n",
        dir, temps, listens, name, options.limit_rate, options.more);
}

/// Where to ask whether it answers: a wildcard is reached by loopback.
std::string reachable(std::string listen) {
    if (listen.starts_with("0.0.0.0:")) return "127.0.0.1" + listen.substr(7);
    if (listen.starts_with("[::]:")) return "[::1]" + listen.substr(4);
    return listen;
}

}  // namespace

Nginx::Nginx(Host& host, const std::string& name, const NginxOptions& options)
    : host_(host), ready_(reachable(options.listen.at(0))) {
    dir_.write("nginx.conf", config(dir_.path(), name, options));
    dir_.write("big", "");
    std::filesystem::resize_file(dir_ / "big", uintmax_t{options.big_megabytes} << 20);
    start();
}

void Nginx::start() {
    const std::string conf = dir_ / "nginx.conf";
    process_.reset();
    process_ = std::make_unique<Process>(
        host_, std::vector<std::string>{kProgram, "-e", dir_ / "error.log", "-p", dir_.path(), "-c", conf});
    const auto answers = [&] {
        return http_get(host_, endpoint(ready_), "/alive").has_value() || !process_->alive();
    };
    if (!wait_until(answers, 10s) || !process_->alive())
        give_up("{}: nginx does not answer on {}: {}{}", host_.name(), ready_, error_log(), process_->err());
}

void Nginx::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("{}: nginx does not die", host_.name());
}

std::string Nginx::why_not() {
    return ::access(kProgram, X_OK) == 0 ? "" : "no /usr/sbin/nginx here (package nginx-light)";
}

}  // namespace weir::lab
