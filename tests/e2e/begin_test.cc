// How the daemon begins where not everything is as it should be: interfaces that are not there, sockets from
// elsewhere, a takeover that goes wrong.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/json.hpp>
#include <csignal>
#include <fstream>

#include "admin/sockets.h"
#include "lab/bpffs.h"
#include "lab/tcp.h"
#include "lab/temp_dir.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;

std::string yaml(const std::string& interfaces, const std::string& more = "") {
    return fmt::format(
        "interfaces: {}\npools: {{web: {{static: [10.1.10.10]}}}}\n{}"
        "services: {{web: {{vip: 192.168.101.1, ports: [80/tcp], pool: web, forward: dsr}}}}\n",
        interfaces, more);
}

/// A host with an interface and nobody behind it.
struct Alone {
    Alone() { lab.connect(host, "eth0", other, "eth0"); }

    lab::Lab lab{"begin"};
    lab::Host& host = lab.host("balancer");
    lab::Host& other = lab.host("other");
};

UniqueFd connect_unix(const std::string& path) {
    auto address = admin::unix_address(path).value();
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return fd;
}

class Begin : public SiteTest {};

TEST_F(Begin, CarriesOnWithoutOneOfItsInterfacesUntilThatIsThere) {
    Alone alone;
    lab::Daemon daemon(alone.host, WEIR_BINARY, yaml("[eth0, eth9]"));
    auto status = daemon.get("/api/v1/status").value();
    EXPECT_EQ(status.at("plan").at("error"), "");
    EXPECT_GE(status.at("plan").at("number").to_number<int>(), 1);
    EXPECT_FALSE(status.at("plan").at("applied_at").is_null());
    EXPECT_THAT(boost::json::serialize(status.at("problems")), HasSubstr("there is no interface eth9"));
    alone.lab.connect(alone.host, "eth9", alone.other, "eth9");
    EXPECT_TRUE(lab::wait_until(
        [&] { return daemon.get("/api/v1/status")->at("interfaces").at(1).at("mode") != ""; }, kSoon))
        << daemon.log();
}

TEST_F(Begin, GoesOnAfterATakeoverThoughAnothersPortIsInTheWay) {
    Alone alone;
    lab::Daemon daemon(alone.host, WEIR_BINARY, yaml("[eth0]"));
    auto taken = lab::listen_tcp(alone.host, *net::Endpoint::parse("127.0.0.1:9071"));
    std::ofstream(daemon.config_path()) << yaml("[eth0]", "admin: {listen: \"127.0.0.1:9071\"}\n");
    EXPECT_EQ(daemon.replace(), 0);
    auto problems = boost::json::serialize(daemon.get("/api/v1/status")->at("problems"));
    EXPECT_THAT(problems, HasSubstr("127.0.0.1:9071"));
}

TEST_F(Begin, BeginsThoughAnothersPortIsInTheWayAndGetsItOnceThatHasGone) {
    Alone alone;
    std::optional taken = lab::listen_tcp(alone.host, *net::Endpoint::parse("127.0.0.1:9071"));
    lab::Daemon daemon(alone.host, WEIR_BINARY, yaml("[eth0]", "admin: {listen: \"127.0.0.1:9071\"}\n"));
    auto problems = [&] { return boost::json::serialize(daemon.get("/api/v1/status")->at("problems")); };
    EXPECT_THAT(problems(), HasSubstr("127.0.0.1:9071"));
    taken.reset();
    EXPECT_TRUE(lab::wait_until([&] { return !problems().contains("127.0.0.1:9071"); }, kSoon))
        << daemon.log();
}

TEST_F(Begin, TakesOverThoughSomebodyElseSaysNothing) {
    Alone alone;
    lab::Daemon daemon(alone.host, WEIR_BINARY, yaml("[eth0]"));
    auto silent = connect_unix(daemon.socket() + ".takeover");
    ASSERT_TRUE(silent);
    EXPECT_EQ(daemon.replace(), 0);
}

TEST_F(Begin, EndsAtOnceWhenToldToWhileItWaitsForTheOldDaemon) {
    Alone alone;
    lab::TempDir dir;
    dir.write("weir.yaml", yaml("[eth0]"));
    auto old = admin::UnixListener::open(dir / "weir.sock.takeover").value();
    auto listening = old.take_socket();
    lab::Process next(alone.host,
                      {WEIR_BINARY, "run", "-c", dir / "weir.yaml", "--socket", dir / "weir.sock"});
    pollfd asked{.fd = listening.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&asked, 1, 30'000), 1) << next.err();
    next.kill(SIGTERM);
    EXPECT_TRUE(next.wait(15s)) << "the old daemon would have had 30 s";
}

TEST_F(Begin, ServesTheSocketThatTheServiceManagerHasBoundAtItsPath) {
    Alone alone;
    lab::TempDir dir;
    lab::PrivateBpffs pins;
    dir.write("weir.yaml", yaml("[eth0]"));
    const std::string path = dir / "weir.sock";
    auto manager = admin::UnixListener::open(path).value();
    auto listening = manager.take_socket();
    lab::Process daemon(alone.host,
                        {WEIR_BINARY, "run", "-c", dir / "weir.yaml", "--socket", path, "--pin",
                         pins.path() + "/weir", "--state", dir / "state"},
                        {.listen_fds = {listening.get()}});
    EXPECT_TRUE(lab::wait_until([&] { return lab::http_get(path, "/api/v1/status").has_value(); }, kSoon))
        << daemon.err();
    daemon.kill(SIGTERM);
    EXPECT_EQ(daemon.wait(kSoon), 0);
    EXPECT_TRUE(connect_unix(path)) << "the socket is the manager's";
}

}  // namespace
}  // namespace weir::e2e
