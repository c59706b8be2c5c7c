#include "lab/daemon.h"

#include <boost/json/parse.hpp>
#include <csignal>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::lab {

Daemon::Daemon(Host& host, std::string binary, const std::string& config, std::vector<int> listen_fds)
    : host_(host), binary_(std::move(binary)), listen_fds_(std::move(listen_fds)) {
    dir_.write("weir.yaml", config);
    start();
}

void Daemon::spawn() {
    process_ = std::make_unique<Process>(
        host_,
        std::vector<std::string>{binary_, "run", "-c", config_path(), "--socket", socket(), "--pin", pins(),
                                 "--state", dir_ / "state"},
        ProcessOptions{.output_file = dir_ / "log", .listen_fds = listen_fds_});
}

void Daemon::start() {
    process_.reset();
    spawn();
    const auto settled = [&] { return get("/api/v1/status").has_value() || !alive(); };
    if (!wait_until(settled, 60s) || !alive()) give_up("the daemon does not come up:\n{}", log());
}

std::optional<int> Daemon::replace(const std::string& binary) {
    if (!binary.empty()) binary_ = binary;
    const std::unique_ptr<Process> former = std::move(process_);
    spawn();
    const auto settled = [&] {
        const Result<boost::json::value> status = get("/api/v1/status");
        return !alive() || (status && status->at("pid") == pid());
    };
    if (!wait_until(settled, 60s) || !alive()) give_up("the next daemon does not come up:\n{}", log());
    return former->wait(10s);
}

Result<boost::json::value> Daemon::get(const std::string& path) const {
    Result<std::string> body = http_get(socket(), path);
    if (!body) return propagate(body);
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(*body, error);
    if (error) return fail("{} is no JSON: {}", path, error.message());
    return value;
}

void Daemon::reload(const std::string& config) {
    dir_.write("weir.yaml", config);
    process_->kill(SIGHUP);
}

void Daemon::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("the daemon does not die");
}

}  // namespace weir::lab
