#include "tests/e2e/routers.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "lab/failure.h"

namespace weir::e2e {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kGobgpd = "/usr/bin/gobgpd";
constexpr const char* kFrr = "/usr/lib/frr";
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
Frr::Frr(lab::Host& host, const std::string& config, Daemons daemons) : host_(host) {
    const std::string run = dir_ / "run", conf = dir_.write("frr.conf", config);
    fs::create_directory(run);
    for (const std::string& each : {std::string(dir_.path()), run}) fs::permissions(each, fs::perms(0777));
    std::string script = fmt::format("mkdir -p /run/frr && mount --bind {0} /run/frr", run);
    const std::string common = fmt::format("-z {}/zserv -A 127.0.0.1 -f /dev/null", run);
    if (daemons == Daemons::all)
        script += fmt::format(
            " && {{ {0}/zebra -i {1}/zebra.pid {2} & }} && until [ -S {1}/zserv ]; do sleep 0.02; done"
            " && {{ {0}/staticd -i {1}/staticd.pid {2} & }}"
            " && {{ {0}/bfdd -i {1}/bfdd.pid --bfdctl {1}/bfdd.sock {2} & }}",
            kFrr, run, common);
    script += fmt::format(" && exec {}/bgpd {} -S -i {}/bgpd.pid {} --log file:{}/log", kFrr,
                          daemons == Daemons::all ? "" : "-Z -n", run, common, run);
    process_ = std::make_unique<lab::Process>(
        host_, std::vector<std::string>{"unshare", "--mount", "sh", "-c", script});
    std::vector<std::string> all = {"bgpd"};
    if (daemons == Daemons::all) all.insert(all.end(), {"zebra", "staticd"});
    await(*process_, "FRR", [&] {
        return std::ranges::all_of(all, [&](const std::string& each) {
            return vtysh({"-d", each, "-c", "show version"}).find("FRRouting") != std::string::npos;
        });
    });
    if (const std::string said = vtysh({"-f", conf}); !said.empty())
        lab::give_up("FRR does not take its configuration: {}", said);
}

std::string Frr::vtysh(std::vector<std::string> words) const {
    words.insert(words.begin(), {"vtysh", "--vty_socket", dir_ / "run"});
    const lab::Finished done = lab::run(host_, std::move(words));
    return done.out + done.err;
}

std::string Frr::why_not() {
    return fs::exists(fs::path(kFrr) / "bgpd") ? "" : "no /usr/lib/frr/bgpd here (package frr)";
}

}  // namespace weir::e2e
