// What most end-to-end tests stand on: client, balancer and backends on one LAN, nginx on every backend, and
// the real daemon between them.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "lab/daemon.h"
#include "lab/dsr.h"
#include "lab/nginx.h"

namespace weir::e2e {

using namespace std::chrono_literals;

constexpr auto kSoon = 20s;  // until what has to happen is given up; nothing is measured by it

/// A configuration with one service `web`, as text, from the parts that tests vary. Lists are without
/// brackets.
struct Yaml {
    std::string mode = "native";
    std::string vips = R"(192.168.101.1, "2001:db8:101::1")";
    std::string backends = "10.1.10.10, 10.1.10.11, 10.1.10.12";
    std::string ports = "80/tcp";
    /// Patient: a busy machine must not look like a dead backend.
    std::string check = "{http: {path: /alive}, interval: 1s, timeout: 1s, history: 5, rise: 2, fall: 4}";
    std::string pools = {};     // further ones, each with a comma in front
    std::string settings = {};  // further lines of the top level
    std::string services = {};  // further services, each line indented by two

    std::string text() const;
};

class Site {
  public:
    using Options = std::function<lab::NginxOptions(const std::string& backend)>;

    /// Everything but the daemon; `start` adds it.
    explicit Site(lab::DsrOptions topology = {}, const Options& nginx = {});
    /// Returns when every backend of the setup that has a server is in use.
    void start(const Yaml& setup) { run(setup.text()); }
    void run(const std::string& config);

    lab::Dsr& dsr() { return dsr_; }
    lab::Host& client() { return dsr_.client(); }
    lab::Host& balancer() { return dsr_.balancer(); }
    lab::Nginx& server(size_t i) { return servers_.at(i); }
    lab::Daemon& daemon() { return *daemon_; }

    /// Replaces the configuration and waits until the daemon has read it. False when it was refused.
    bool reload(const std::string& text);
    bool reload(const Yaml& setup) { return reload(setup.text()); }

    boost::json::value get(const std::string& path);
    /// Runs the command line against the daemon.
    lab::Finished weir(std::vector<std::string> words);
    /// The first row of /api/v1/backends with this address.
    boost::json::object row(const std::string& address);
    std::string reason(const std::string& address);
    /// Waits until the plan in force has this backend, in every frontend, as `health` ("up", "down").
    [[nodiscard]] bool await(const std::string& address, const std::string& health);

    /// `GET /` from the client, each over a connection of its own: how often which text came. What went wrong
    /// counts under its text, too, so a right outcome has the backends' names only. So many that of three
    /// hardly ever one is left out.
    std::map<std::string, size_t> ask(const std::string& to, size_t requests = 60);

  private:
    lab::Dsr dsr_;
    std::deque<lab::Nginx> servers_;
    std::optional<lab::Daemon> daemon_;
};

/// Without root there is no lab: skipped, and said so.
class SiteTest : public testing::Test {
  protected:
    void SetUp() override;
};

/// How often each backend of the lab answered.
using Answers = std::map<std::string, size_t>;
/// That every one of the backends answered and nothing else came.
testing::AssertionResult answered_by(const Answers& answers, const std::vector<std::string>& backends);

}  // namespace weir::e2e
