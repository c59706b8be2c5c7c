#include "tests/e2e/visit.h"

#include <chrono>
#include <map>

#include "lab/load.h"
#include "lab/process.h"
#include "lab/tcp.h"

namespace weir::e2e {
namespace {

using namespace std::chrono_literals;

constexpr auto kSoon = 20s;

/// How often who answered; failures under their text.
using Answers = std::map<std::string, size_t>;

testing::AssertionResult by_each(const Answers& answers, const std::vector<std::string>& servers,
                                 const std::string& what) {
    Answers wanted, seen;
    std::string text;
    for (const auto& name : servers) wanted[name] = 1;
    for (const auto& [who, count] : answers) {
        seen[who] = 1;
        text += fmt::format("{} × {}; ", who, count);
    }
    if (seen == wanted) return testing::AssertionSuccess();
    return testing::AssertionFailure() << what << " answered by " << (text.empty() ? "nobody" : text);
}

testing::AssertionResult download(lab::Host& client, const std::string& vip, unsigned megabytes) {
    const lab::Finished curl =
        lab::run(client,
                 {"curl", "-sS", "--noproxy", "*", "--speed-limit", "1", "--speed-time", "30", "-o",
                  "/dev/null", "-w", "%{http_code} %{size_download}", fmt::format("http://{}/big", vip)},
                 90s + megabytes * 1s);  // an emulated machine has 6 MB/s
    if (curl.out == fmt::format("200 {}", size_t{megabytes} << 20)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "download from " << vip << ": " << curl.out << " " << curl.err;
}

testing::AssertionResult datagrams(lab::Host& client, const std::string& vip,
                                   const std::vector<std::string>& servers) {
    constexpr int kFlows = 60;
    Answers answers;
    for (int i = 0; i < kFlows; ++i) {
        UdpFlow flow(client, lab::endpoint(vip));
        const auto first = flow.ask();
        ++answers[first.value_or("nobody")];
        if (flow.ask() != first) return testing::AssertionFailure() << vip << ": a flow changed its server";
        if (!first) break;
    }
    return by_each(answers, servers, "datagrams to " + vip);
}

std::vector<std::string> everywhere(const std::vector<unsigned>& ports) {
    std::vector<std::string> listen;
    for (const unsigned port : ports)
        for (const char* any : {"0.0.0.0", "[::]"}) listen.push_back(fmt::format("{}:{}", any, port));
    return listen;
}

}  // namespace

NamedServer::NamedServer(lab::Host& host, const std::vector<std::string>& addresses,
                         const std::vector<unsigned>& ports, unsigned megabytes)
    : nginx_(host, host.name(), {.listen = everywhere(ports), .big_megabytes = megabytes}) {
    for (const unsigned port : ports)
        for (const std::string& address : addresses)
            echoes_.emplace_back(host, lab::endpoint(fmt::format("{}:{}", address, port)), host.name());
}

testing::AssertionResult visit(lab::Host& client, const std::string& vip,
                               const std::vector<std::string>& servers, unsigned megabytes) {
    Answers answers;
    const auto right = [&] {
        answers.clear();
        for (const auto& answer : lab::burst(client, lab::endpoint(vip), 40, 8, 2s)) ++answers[answer.text];
        return static_cast<bool>(by_each(answers, servers, ""));
    };
    if (!lab::wait_until(right, kSoon)) return by_each(answers, servers, "requests to " + vip);
    if (auto downloaded = download(client, vip, megabytes); !downloaded) return downloaded;
    return datagrams(client, vip, servers);
}

}  // namespace weir::e2e
