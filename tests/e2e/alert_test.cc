// Who is told when a backend dies and comes back: a web server and a syslog server on the client's host.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <map>
#include <sstream>

#include "lab/frames.h"
#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;
using Alert = SiteTest;

constexpr const char* kFirst = "10.1.10.10";

/// Writes the body of each POST as a line.
constexpr const char* kReceiver = R"(
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(f"{self.path} {body.decode()}\n", end="", flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("10.1.10.1", 8099), Handler).serve_forever()
)";

/// What came of the first backend, in order, each event once: of an answer that was lost it comes again, and
/// several may come in one message.
std::vector<json::object> received(const lab::Process& receiver) {
    std::map<uint64_t, json::object> events;
    auto take = [&](const json::object& event) {
        if (event.at("backend") == kFirst) events.emplace(event.at("id").to_number<uint64_t>(), event);
    };
    std::istringstream lines(receiver.out());
    for (std::string path, body; lines >> path && std::getline(lines, body);) {
        EXPECT_EQ(path, "/hook");
        const auto object = json::parse(body).as_object();
        if (!object.contains("events"))
            take(object);
        else
            for (const auto& event : object.at("events").as_array()) take(event.as_object());
    }
    std::vector<json::object> in_order;
    for (auto& [id, event] : events) in_order.push_back(std::move(event));
    return in_order;
}

/// The first record that is about the first backend alone; others may flap on a busy machine.
std::string record_of_first(lab::DatagramSocket& syslog) {
    const auto until = std::chrono::steady_clock::now() + kSoon;
    while (std::chrono::steady_clock::now() < until) {
        const auto record = syslog.receive(1s);
        const std::string text =
            record ? std::string(record->payload.begin(), record->payload.end()) : std::string();
        if (text.contains(fmt::format("backend=\"{}\"", kFirst))) return text;
    }
    return "";
}

TEST_F(Alert, ABackendThatDiesIsToldOnceAndSoIsItsReturnOverAnUpgradeToo) {
    Site site({.lab = "alert"});
    lab::Process receiver(site.client(), {"python3", "-c", kReceiver});
    lab::DatagramSocket syslog(site.client(), lab::endpoint("10.1.10.1:5514"));
    ASSERT_TRUE(lab::wait_until(
        [&] { return lab::connect_tcp(site.client(), lab::endpoint("10.1.10.1:8099"), 1s).has_value(); },
        kSoon))
        << receiver.err();
    Yaml yaml;
    yaml.vips = "192.168.101.1";
    yaml.check = "{http: {path: /alive}, interval: 1s, timeout: 1s, history: 5, rise: 2, fall: 3}";
    yaml.settings =
        "alerts:\n"
        "  hook: {webhook: {url: 'http://10.1.10.1:8099/hook'}, settle: 1s}\n"
        "  log: {syslog: {server: '10.1.10.1:5514', facility: local0}, settle: 1s}\n";
    site.start(yaml);

    site.server(0).kill();
    const auto told = [&](size_t messages) {
        return lab::wait_until([&] { return received(receiver).size() >= messages; }, kSoon);
    };
    ASSERT_TRUE(told(1)) << site.daemon().log();
    EXPECT_THAT(
        record_of_first(syslog),
        testing::ContainsRegex("^<132>1 [0-9-]+T[0-9:.]+Z [^ ]+ weir [0-9]+ backend_down \\[weir@32473 "
                               "alert=\"log\" id=\"[0-9]+\" service=\"web\" backend=\"10.1.10.10\" "
                               "vip=\"192.168.101.1\" port=\"80\" protocol=\"tcp\"\\] backend "));
    site.server(0).start();
    ASSERT_TRUE(told(2)) << site.daemon().log();

    // The daemon that leaves tells what it knows, and the next one goes on from there.
    site.server(0).kill();
    ASSERT_TRUE(site.await(kFirst, "down"));
    EXPECT_EQ(site.daemon().replace(), 0) << site.daemon().log();
    ASSERT_TRUE(told(3)) << site.daemon().log();
    site.server(0).start();
    ASSERT_TRUE(told(4)) << site.daemon().log();
    std::vector<std::string> kinds;
    for (const json::object& body : received(receiver)) kinds.emplace_back(body.at("kind").as_string());
    EXPECT_THAT(kinds, testing::ElementsAre("backend_down", "backend_up", "backend_down", "backend_up"))
        << receiver.out();
}

}  // namespace
}  // namespace weir::e2e
