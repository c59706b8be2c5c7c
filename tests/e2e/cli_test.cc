// The command line and the daemon as their users and the service manager meet them: messages and exit codes.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "lab/bpffs.h"
#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kVip = "192.168.101.1:80";
const std::vector<std::string> kAll = {"backend-1", "backend-2", "backend-3"};

constexpr const char* kFiveMistakes = R"(interfaces: [eth0]
pools:
  web: {static: [10.1.10.10, 10.1.10.300]}
services:
  web:
    vip: 192.168.101.1
    ports: [80/tpc]
    pool: wbe
    schedular: maglev
    checks: [{http: {path: alive}}]
)";

constexpr const char* kTooManyForms = R"(interfaces: [{name: lo}]
pools: {p: {static: [10.1.10.10]}}
services:
  s: {vip: [192.0.2.100, 203.0.113.0/24, 198.51.100.0/25], ports: [1-65534/tcp], pool: p, forward: ipip}
)";

/// On a host alone, without a daemon.
class Alone : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (!IsSkipped()) lab_.emplace("cli");
    }
    lab::Finished weir(std::vector<std::string> words) {
        words.insert(words.begin(), WEIR_BINARY);
        return lab::run(lab_->host("alone"), std::move(words));
    }

    lab::TempDir dir_;
    std::optional<lab::Lab> lab_;
};

TEST_F(Alone, CheckShowsEveryMistakeWithItsPlace) {
    const std::string file = dir_.write("bad.yaml", kFiveMistakes);
    const lab::Finished check = weir({"check", file});
    EXPECT_EQ(check.status, 2);
    EXPECT_EQ(check.out, "");
    EXPECT_EQ(std::ranges::count(check.err, '\n'), 5) << check.err;
    const std::pair<const char*, const char*> mistakes[] = {
        {"3:30", "10.1.10.300"}, {"7:13", "tpc"}, {"8:11", "wbe"}, {"9:5", "schedular"}, {"10:28", "alive"}};
    for (const auto& [place, what] : mistakes)
        EXPECT_THAT(check.err, testing::ContainsRegex(fmt::format("{}:{}: [^\n]*{}", file, place, what)));
}

TEST_F(Alone, ADaemonDoesNotStartWithABadFile) {
    const std::string file = dir_.write("bad.yaml", kFiveMistakes);
    const lab::Finished run = weir({"run", "-c", file, "--socket", dir_ / "weir.sock"});
    EXPECT_EQ(run.status, 2);
    EXPECT_THAT(run.err, HasSubstr(file + ":9:5: "));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "weir.sock"));
}

TEST_F(Alone, AFileThatTheDatapathHasNoRoomForIsRefusedAsAWhole) {
    const std::string file = dir_.write("forms.yaml", kTooManyForms);
    for (const auto& words : {std::vector<std::string>{"check", file},
                              {"plan", file, "--socket", dir_ / "weir.sock"},
                              {"run", "-c", file, "--socket", dir_ / "weir.sock"}}) {
        const lab::Finished refused = weir(words);
        EXPECT_EQ(refused.status, 2) << words.front();
        EXPECT_THAT(refused.err, HasSubstr(file + ": the services' VIP prefixes and port ranges"));
    }
}

TEST_F(Alone, PlanShowsAllThatWouldBeProgrammed) {
    const lab::Finished plan =
        weir({"--socket", dir_ / "none", "plan", "--json", dir_.write("good.yaml", Yaml{}.text())});
    ASSERT_EQ(plan.status, 0) << plan.err;
    const json::value planned = json::parse(plan.out);
    ASSERT_EQ(planned.at("frontends").as_array().size(), 2u);
    for (const json::value& frontend : planned.at("frontends").as_array()) {
        double share = 0;
        for (const json::value& target : frontend.at("targets").as_array())
            share += target.at("share").to_number<double>();
        EXPECT_EQ(frontend.at("targets").as_array().size(), 3u);
        EXPECT_NEAR(share, 1, 1e-9);
    }
}

TEST_F(Alone, WithoutADaemonQuestionsFailWithAHint) {
    for (const char* question : {"status", "services", "backends", "reload"}) {
        const lab::Finished asked = weir({"--socket", dir_ / "none", question});
        EXPECT_EQ(asked.status, 1) << question;
        EXPECT_EQ(asked.out, "");
        EXPECT_THAT(asked.err,
                    testing::AllOf(HasSubstr(std::string(dir_ / "none")), HasSubstr("weir run -c")));
    }
}

class Running : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "cli"});
        site_->start({.settings = "admin: {listen: 127.0.0.1:9070}\n"});
    }
    uint64_t plan_number() {
        const json::value plan = site_->get("/api/v1/plan");
        return plan.at("number").to_number<uint64_t>();
    }

    std::optional<Site> site_;
};

TEST_F(Running, ARefusedReloadChangesNothingAndSaysWhy) {
    const uint64_t before = plan_number();
    const std::string file = site_->daemon().config_path();
    std::ofstream(file) << kFiveMistakes;
    const lab::Finished reload = site_->weir({"reload"});
    EXPECT_EQ(reload.status, 2);
    EXPECT_EQ(std::ranges::count(reload.err, '\n'), 5) << reload.err;
    EXPECT_THAT(reload.err, HasSubstr(file + ":9:5: "));
    EXPECT_FALSE(site_->reload(kFiveMistakes)) << "by SIGHUP, too";

    EXPECT_EQ(plan_number(), before);
    const json::value status = site_->get("/api/v1/status");
    EXPECT_FALSE(status.at("reload").at("ok").as_bool());
    EXPECT_THAT(std::string(status.at("reload").at("error").as_string()), HasSubstr(":9:5: "));
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll));

    std::ofstream(file) << Yaml{}.text();
    EXPECT_EQ(site_->weir({"reload"}).status, 0);
}

TEST_F(Running, PlanShowsWhatAFileWouldChange) {
    lab::TempDir dir;
    const auto plan = [&](const Yaml& yaml) {
        const lab::Finished finished = site_->weir({"plan", "--json", dir.write("next.yaml", yaml.text())});
        EXPECT_EQ(finished.status, 0) << finished.err;
        return json::parse(finished.out);
    };
    const json::value same = plan({});
    EXPECT_FALSE(same.at("changes").as_bool());
    const json::value fewer = plan({.backends = "10.1.10.10, 10.1.10.11"});
    EXPECT_TRUE(fewer.at("changes").as_bool());
    ASSERT_EQ(fewer.at("frontends_changed").as_array().size(), 2u);
    EXPECT_NEAR(fewer.at("frontends_changed").at(0).at("share_moved").to_number<double>(), 1.0 / 3, 0.05);
    const std::string impossible = dir.write("forms.yaml", kTooManyForms);
    const lab::Finished posted =
        lab::run(site_->balancer(), {"curl", "-sS", "--unix-socket", site_->daemon().socket(),
                                     "--data-binary", "@" + impossible, "http://localhost/api/v1/plan"});
    const json::value refusal = json::parse(posted.out);
    EXPECT_THAT(std::string(refusal.at("mistakes").at(0).at("message").as_string()),
                StartsWith("the services' VIP prefixes and port ranges"));
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll)) << "nothing was changed by asking";
}

TEST_F(Running, ASecondDaemonWithOtherPinsIsRefusedAndHarmsNothing) {
    lab::PrivateBpffs bpffs;
    const lab::Finished second =
        lab::run(site_->balancer(), {WEIR_BINARY, "run", "-c", site_->daemon().config_path(), "--socket",
                                     site_->daemon().socket(), "--pin", bpffs.path() + "/weir"});
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.err, HasSubstr("another daemon runs with `--pin " + site_->daemon().pins()));
    EXPECT_FALSE(std::filesystem::exists(bpffs.path() + "/weir"))
        << "it was refused before it touched anything";
    EXPECT_EQ(site_->weir({"status"}).status, 0);
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll));
}

TEST_F(Running, MetricsAreWhatPrometheusTakes) {
    site_->ask(kVip);
    const auto metrics = lab::http_get(site_->balancer(), lab::endpoint("127.0.0.1:9070"), "/metrics");
    ASSERT_TRUE(metrics) << metrics.error().message;
    EXPECT_THAT(*metrics, HasSubstr("weir_backend_packets_total{"));
    lab::TempDir dir;
    const std::string file = dir.write("metrics", *metrics);
    const lab::Finished found = lab::run(site_->balancer(), {"sh", "-c", "command -v promtool"});
    if (found.status != 0) GTEST_SKIP() << "no promtool here (package prometheus)";
    const lab::Finished judged =
        lab::run(site_->balancer(), {"sh", "-c", "exec promtool check metrics <" + file});
    EXPECT_EQ(judged.status, 0) << judged.out << judged.err;
    EXPECT_EQ(judged.out + judged.err, "");
}

TEST_F(Running, ListingsAndHealthAreServedOnBothSockets) {
    const auto healthz = lab::http_get(site_->balancer(), lab::endpoint("127.0.0.1:9070"), "/healthz");
    ASSERT_TRUE(healthz) << healthz.error().message;
    EXPECT_EQ(*healthz, "ok\n");
    EXPECT_EQ(lab::http_get(site_->daemon().socket(), "/healthz"), healthz);

    for (const char* listing : {"status", "services", "backends"}) {
        const lab::Finished shown = site_->weir({listing});
        EXPECT_EQ(shown.status, 0) << shown.err;
        EXPECT_THAT(shown.out, HasSubstr(listing[0] == 'b' ? "10.1.10.12" : "192.168.101.1:80/tcp"));
        const lab::Finished as_json = site_->weir({listing, "--json"});
        boost::system::error_code broken;
        json::parse(as_json.out, broken);
        EXPECT_FALSE(broken) << as_json.out;
    }
    const lab::Finished trace = site_->weir({"trace", "10.1.10.1:40000", kVip});
    EXPECT_EQ(trace.status, 0) << trace.err;
    EXPECT_THAT(trace.out, testing::MatchesRegex("forward to 10\\.1\\.10\\.1[012] \\(scheduler\\)\n"));
    EXPECT_EQ(site_->weir({"trace", "10.1.10.1", kVip}).status, 2) << "no port";
}

/// The service manager's end of sd_notify.
class Manager {
  public:
    Manager() : socket_(lab::check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "no socket")) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        lab::check(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                   "cannot bind");
    }
    std::string path() const { return dir_ / "notify"; }
    /// The next message; empty when none comes.
    std::string next() {
        pollfd watch{socket_.get(), POLLIN, 0};
        char text[1024];
        if (::poll(&watch, 1, static_cast<int>(lab::Duration(kSoon).count())) != 1) return {};
        const ssize_t size = ::recv(socket_.get(), text, sizeof text, 0);
        return size < 0 ? std::string() : std::string(text, static_cast<size_t>(size));
    }

  private:
    lab::TempDir dir_;
    UniqueFd socket_;
};

using Notify = SiteTest;

TEST_F(Notify, TheServiceManagerIsToldOfEveryStep) {
    lab::Dsr dsr({.lab = "notify"});
    lab::TempDir dir;
    lab::PrivateBpffs bpffs;
    Manager manager;
    lab::Process daemon(dsr.balancer(),
                        {WEIR_BINARY, "run", "-c", dir.write("weir.yaml", Yaml{}.text()), "--socket",
                         dir / "weir.sock", "--pin", bpffs.path() + "/weir", "--state", dir / "state"},
                        {.environment = {"NOTIFY_SOCKET=" + manager.path()}});
    EXPECT_THAT(manager.next(), StartsWith("READY=1\nSTATUS=plan 1 in force")) << daemon.err();
    EXPECT_EQ(lab::http_get(dir / "weir.sock", "/healthz").value_or("nothing"), "ok\n")
        << "ready means ready";
    daemon.kill(SIGHUP);
    EXPECT_THAT(manager.next(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_THAT(manager.next(), StartsWith("READY=1\n"));
    daemon.kill(SIGTERM);
    EXPECT_EQ(manager.next(), "STOPPING=1");
    EXPECT_EQ(daemon.wait(kSoon), 0);
}

}  // namespace
}  // namespace weir::e2e
