#include "lab/knot.h"

#include <unistd.h>

#include <csignal>

#include "lab/failure.h"

namespace weir::lab {
namespace {

constexpr const char* kProgram = "/usr/sbin/knotd";

}  // namespace

Knot::Knot(Host& host, const std::vector<std::string>& listen,
           const std::map<std::string, std::string>& zones)
    : host_(host) {
    const std::string dir = dir_.path();
    std::string config = fmt::format(
        "server:\n  rundir: {0}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n  listen: [",
        dir);
    for (const auto& address : listen) config += address + (address == listen.back() ? "" : ", ");
    config += fmt::format(
        "]\ncontrol:\n  listen: {0}/knot.sock\ndatabase:\n  storage: {0}/db\n"
        "log:\n  - target: stderr\n    any: info\nzone:\n",
        dir);
    for (const auto& [domain, records] : zones) {
        write(domain, records);
        config += fmt::format(
            "  - domain: {0}\n    storage: {1}\n    file: {0}.zone\n    semantic-checks: off\n"
            "    journal-content: none\n    zonefile-sync: -1\n",
            domain, dir);
    }
    dir_.write("knot.conf", config);
    start();
}

void Knot::write(const std::string& domain, const std::string& records) {
    dir_.write(domain + ".zone",
               fmt::format("$ORIGIN {}.\n$TTL 300\n@ 1 SOA ns root {} 3600 600 86400 1\n@ NS ns\n{}\n",
                           domain, ++serial_, records));
}

Finished Knot::control(std::vector<std::string> words) const {
    words.insert(words.begin(), {"/usr/sbin/knotc", "-b", "-s", dir_ / "knot.sock"});
    return run(host_, std::move(words));
}

void Knot::set(const std::string& domain, const std::string& records) {
    write(domain, records);
    const auto done = control({"zone-reload", domain});
    if (done.status != 0)
        give_up("{}: Knot does not reload {}: {}{}", host_.name(), domain, done.out, done.err);
}

void Knot::start() {
    process_.reset();
    process_ = std::make_unique<Process>(host_, std::vector<std::string>{kProgram, "-c", dir_ / "knot.conf"});
    const auto answers = [&] { return control({"status"}).status == 0 || !process_->alive(); };
    if (!wait_until(answers, 10s) || !process_->alive())
        give_up("{}: Knot does not answer: {}", host_.name(), log());
}

void Knot::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("{}: Knot does not die", host_.name());
}

std::string Knot::why_not() {
    return ::access(kProgram, X_OK) == 0 ? "" : "no /usr/sbin/knotd here (package knot)";
}

}  // namespace weir::lab
