#include "tests/e2e/etcd_server.h"

#include <unistd.h>

#include <csignal>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::e2e {

using namespace std::chrono_literals;

EtcdServer::EtcdServer(lab::Host& host, std::string address, EtcdOptions options)
    : host_(host), address_(std::move(address)), options_(std::move(options)) {
    start();
}

void EtcdServer::start() {
    std::vector<std::string> command{"etcd",
                                     "--data-dir",
                                     directory_ / "data",
                                     "--unsafe-no-fsync",
                                     "--listen-client-urls",
                                     url(),
                                     "--advertise-client-urls",
                                     url(),
                                     "--listen-peer-urls",
                                     "http://127.0.0.1:2380",
                                     "--initial-advertise-peer-urls",
                                     "http://127.0.0.1:2380",
                                     "--initial-cluster",
                                     "default=http://127.0.0.1:2380",
                                     "--log-level",
                                     "warn"};
    command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
    process_.reset();
    process_ = std::make_unique<lab::Process>(host_, command,
                                              lab::ProcessOptions{.output_file = directory_ / "log"});
    // It listens when it is ready to serve.
    auto ready = [&] {
        return lab::connect_tcp(host_, lab::endpoint(address_ + ":2379"), 1s).has_value() ||
               !process_->alive();
    };
    if (!lab::wait_until(ready, 30s) || !process_->alive())
        lab::give_up("etcd does not come up: {}", lab::read_file(directory_ / "log"));
}

std::string EtcdServer::ctl(std::vector<std::string> words) {
    std::vector<std::string> command{"etcdctl", "--endpoints", url(), "--dial-timeout", "5s"};
    command.insert(command.end(), credentials.begin(), credentials.end());
    command.insert(command.end(), words.begin(), words.end());
    auto done = lab::run(host_, command, 30s, {.environment = {"ETCDCTL_API=3"}});
    if (done.status != 0) lab::give_up("etcdctl {}: {}{}", words.at(0), done.out, done.err);
    return done.out;
}

void EtcdServer::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) lab::give_up("etcd does not die");
}

std::string EtcdServer::why_not() {
    for (const char* program : {"/usr/bin/etcd", "/usr/bin/etcdctl"})
        if (::access(program, X_OK) != 0)
            return std::string("no ") + program + " here (packages etcd-server, etcd-client)";
    return "";
}

}  // namespace weir::e2e
