#include "lab/bird.h"

#include <unistd.h>

#include "lab/failure.h"

namespace weir::lab {
namespace {

constexpr const char* kProgram = "/usr/sbin/bird";

}  // namespace

Bird::Bird(Host& host, const std::string& router_id, const std::string& config)
    : host_(host), start_(fmt::format("router id {};\nprotocol device {{ scan time 1; }}\n", router_id)) {
    start(config);
}

Bird::Bird(Host& host, const std::string& config) : host_(host) {
    start(config);
}

void Bird::start(const std::string& config) {
    write(config);
    process_ =
        std::make_unique<Process>(host_, std::vector<std::string>{kProgram, "-f", "-c", dir_ / "bird.conf",
                                                                  "-s", dir_ / "ctl", "-P", dir_ / "pid"});
    const auto answers = [&] {
        return ask({"show", "status"}).find("up and running") != std::string::npos || !process_->alive();
    };
    if (!wait_until(answers, 10s) || !process_->alive())
        give_up("{}: BIRD does not answer: {}{}", host_.name(), process_->err(), log());
}

void Bird::write(const std::string& config) const {
    const std::string log_file = dir_ / "bird.log";
    dir_.write("bird.conf",
               fmt::format("log \"{}\" all;\ntimeformat log iso long ms;\n{}{}", log_file, start_, config));
}

std::string Bird::ask(std::vector<std::string> words) const {
    words.insert(words.begin(), {"birdc", "-s", dir_ / "ctl"});
    const Finished done = run(host_, std::move(words));
    return done.out + done.err;
}

void Bird::configure(const std::string& config) {
    write(config);
    const std::string said = ask({"configure"});
    if (said.find("Reconfigured") == std::string::npos && said.find("in progress") == std::string::npos)
        give_up("{}: BIRD does not take its configuration: {}", host_.name(), said);
}

std::string Bird::why_not() {
    return ::access(kProgram, X_OK) == 0 ? "" : "no /usr/sbin/bird here (package bird2)";
}

}  // namespace weir::lab
