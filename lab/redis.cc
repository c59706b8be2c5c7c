#include "lab/redis.h"

#include <unistd.h>

#include <csignal>

#include "lab/failure.h"

namespace weir::lab {
namespace {

constexpr const char* kServer = "/usr/bin/redis-server";
constexpr const char* kClient = "/usr/bin/redis-cli";

}  // namespace

Redis::Redis(Host& host, std::vector<std::string> settings) : host_(host), settings_(std::move(settings)) {
    start();
}

void Redis::start() {
    process_.reset();
    std::vector<std::string> words = {kServer,
                                      "--port",
                                      "6379",
                                      "--bind",
                                      "*",
                                      "--save",
                                      "",
                                      "--appendonly",
                                      "no",
                                      "--dir",
                                      dir_.path(),
                                      "--unixsocket",
                                      socket_path(),
                                      "--protected-mode",
                                      "no"};
    words.insert(words.end(), settings_.begin(), settings_.end());
    process_ = std::make_unique<Process>(host_, words);
    const auto answers = [&] {
        return !process_->alive() || run(host_, {kClient, "-s", socket_path(), "PING"}).status == 0;
    };
    if (!wait_until(answers, 20s) || !process_->alive())
        give_up("{}: redis-server does not answer: {}{}", host_.name(), process_->out(), process_->err());
}

void Redis::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("{}: redis-server does not die", host_.name());
}

std::string Redis::tell(std::vector<std::string> command) {
    std::vector<std::string> words = {kClient, "-e", "-s", socket_path()};
    words.insert(words.end(), command.begin(), command.end());
    auto done = run(host_, words);
    if (done.status != 0) give_up("redis-cli {}: {}{}", command.at(0), done.out, done.err);
    if (done.out.ends_with('\n')) done.out.pop_back();
    return done.out;
}

std::string Redis::why_not() {
    for (const auto* program : {kServer, kClient})
        if (::access(program, X_OK) != 0)
            return fmt::format("no {} here (packages redis-server and redis-tools)", program);
    return "";
}

}  // namespace weir::lab
