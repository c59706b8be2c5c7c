#include "tests/e2e/routers.h"

#include <unistd.h>

#include <filesystem>

#include "lab/failure.h"

namespace weir::e2e {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kGobgpd = "/usr/bin/gobgpd";
constexpr const char* kBgpd = "/usr/lib/frr/bgpd";
constexpr auto kStart = 20s;

void await(lab::Process& process, const std::string& what, const std::function<bool()>& answers) {
    if (!lab::wait_until([&] { return answers() || !process.alive(); }, kStart) || !process.alive())
        lab::give_up("{} does not answer: {}{}", what, process.out(), process.err());
}

}  // namespace

Gobgp::Gobgp(lab::Host& host, const std::string& config) : host_(host) {
    process_ = std::make_unique<lab::Process>(
        host_, std::vector<std::string>{kGobgpd, "-f", dir_.write("gobgp.toml", config), "--api-hosts",
                                        "127.0.0.1:50051"});
    await(*process_, "gobgpd", [&] { return ask({"global"}).starts_with("AS:"); });
}

std::string Gobgp::ask(std::vector<std::string> words) const {
    words.insert(words.begin(), "gobgp");
    const lab::Finished done = lab::run(host_, std::move(words));
    return done.out + done.err;
}

std::string Gobgp::why_not() {
    return ::access(kGobgpd, X_OK) == 0 ? "" : "no /usr/bin/gobgpd here (package gobgpd)";
}

/// It runs as its own user, and has /run/frr compiled in, which therefore is a mount of its own here.
Frr::Frr(lab::Host& host, const std::string& config) : host_(host) {
    const std::string run = dir_ / "run", conf = dir_.write("bgpd.conf", "hostname frr\n" + config);
    fs::create_directory(run);
    for (const std::string& each : {std::string(dir_.path()), run}) fs::permissions(each, fs::perms(0777));
    fs::permissions(conf, fs::perms(0666));
    const std::string script = fmt::format(
        "mkdir -p /run/frr && mount --bind {0} /run/frr && exec {1} -f {2} -Z -n -S -i {0}/pid -z {0}/zserv "
        "-A 127.0.0.1 --log file:{0}/log",
        run, kBgpd, conf);
    process_ = std::make_unique<lab::Process>(
        host_, std::vector<std::string>{"unshare", "--mount", "sh", "-c", script});
    await(*process_, "bgpd", [&] { return ask("show version").find("FRRouting") != std::string::npos; });
}

std::string Frr::ask(const std::string& command) const {
    const std::string run = dir_ / "run";
    const lab::Finished done = lab::run(host_, {"vtysh", "--vty_socket", run, "-d", "bgpd", "-c", command});
    return done.out + done.err;
}

std::string Frr::why_not() {
    return ::access(kBgpd, X_OK) == 0 ? "" : "no /usr/lib/frr/bgpd here (package frr)";
}

}  // namespace weir::e2e
