// Services that the proxy carries: the client's connection ends at weir, which makes another to a backend.
// Real nginx behind it, and real clients; the engine's own tests are in src/engine/proxy.
#include <gmock/gmock.h>

#include "lab/chat.h"
#include "lab/tcp.h"
#include "tests/e2e/download.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

constexpr const char* kVip = "192.168.101.1:80";
constexpr const char* kVip6 = "[2001:db8:101::1]:80";
const std::vector<std::string> kAll = {"backend-1", "backend-2", "backend-3"};

class Proxied : public SiteTest {
  protected:
    /// `web` on both VIPs, with these settings of its own (one line, with a comma behind each).
    static std::string config(const std::string& settings = "", const std::string& more = "") {
        return fmt::format(
            "{}"
            "pools: {{web: {{static: [10.1.10.10, 10.1.10.11, 10.1.10.12]}}}}\n"
            "services:\n"
            "  web: {{vip: [192.168.101.1, \"2001:db8:101::1\"], ports: [80/tcp], pool: web, forward: proxy, "
            "{}\n"
            "    checks: [{{http: {{path: /alive}}, interval: 1s, timeout: 1s, history: 5, rise: 2, fall: "
            "4}}]}}\n",
            more, settings);
    }
    static std::string unchecked(const std::string& settings = "") {
        return fmt::format(
            "pools: {{web: {{static: [10.1.10.10, 10.1.10.11, 10.1.10.12]}}}}\n"
            "services:\n"
            "  web: {{vip: [192.168.101.1], ports: [80/tcp], pool: web, scheduler: rr, forward: proxy, "
            "{}}}\n",
            settings);
    }
    void start(const std::string& config, const Site::Options& nginx = {}) {
        site_.emplace(lab::DsrOptions{.lab = "proxy"}, nginx);
        site_->run(config);
    }
    uint64_t refused(const std::string& reason) {
        const auto status = site_->get("/api/v1/status");
        for (const auto& row : status.at("not_forwarded").as_array())
            if (row.at("reason").as_string() == reason) return row.at("packets_total").to_number<uint64_t>();
        return 0;
    }
    /// Routes and rules that bear weir's number.
    std::string left_behind() {
        return lab::run(site_->balancer(),
                        {"sh", "-c",
                         "ip route show table all proto 119; ip -6 route show table all proto 119; "
                         "ip rule show | grep 30583; true"})
            .out;
    }

    std::optional<Site> site_;
};

TEST_F(Proxied, ServesBothFamiliesFromBackendsOfOne) {
    start(config());
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll));
    EXPECT_TRUE(answered_by(site_->ask(kVip6), kAll));
    const auto row = site_->row("10.1.10.10");
    EXPECT_GT(row.at("flows_total").to_number<uint64_t>(), 0u);
    EXPECT_GT(row.at("bytes_total").to_number<uint64_t>(), 0u);
}

TEST_F(Proxied, TriesTheNextBackendWhereOneRefuses) {
    start(unchecked());
    site_->server(1).kill();
    EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-1", "backend-3"}));
    EXPECT_EQ(refused("connect_failed"), 0u);
    site_->server(1).start();
    EXPECT_TRUE(lab::wait_until([&] { return site_->ask(kVip).contains("backend-2"); }, kSoon))
        << "it is not tried again";
}

TEST_F(Proxied, RefusesByAResetWhereNobodyAnswers) {
    start(unchecked("proxy: {queue_timeout: 0s}"));
    for (size_t i = 0; i < 3; ++i) site_->server(i).kill();
    for (const auto& [text, count] : site_->ask(kVip, 20)) EXPECT_THAT(text, testing::HasSubstr("reset"));
    EXPECT_GT(refused("connect_failed") + refused("no_backend"), 0u);
}

TEST_F(Proxied, KeepsConnectionsOverReloadsAndDrains) {
    start(config());
    std::deque<lab::ChatServer> servers;
    for (size_t i = 0; i < 3; ++i)
        servers.emplace_back(site_->dsr().backend(i), lab::endpoint("0.0.0.0:7000"),
                             site_->dsr().backend(i).name());
    const auto with_chat = [&](const std::string& settings) {
        return config(settings) +
               "  chat: {vip: 192.168.101.1, ports: [7000/tcp], pool: web, forward: proxy}\n";
    };
    ASSERT_TRUE(site_->reload(with_chat("")));
    lab::Chats chats(site_->client(), lab::endpoint("192.168.101.1:7000"), 60, 0);
    ASSERT_TRUE(lab::wait_until([&] { return chats.report().talking == 60; }, kSoon));
    for (int round = 0; round < 10; ++round)
        ASSERT_TRUE(site_->reload(with_chat(fmt::format("proxy: {{retries: {}}},", round))));
    EXPECT_EQ(site_->weir({"drain", "10.1.10.10"}).status, 0);
    EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-2", "backend-3"}));
    const auto report = chats.report();
    EXPECT_EQ(report.broken, 0u) << report.first_error;
    EXPECT_EQ(report.by_server.size(), 3u);
}

TEST_F(Proxied, TellsBackendsOfTheClientByItsHeader) {
    for (const char* version : {"v1", "v2"}) {
        start(unchecked(fmt::format("proxy: {{send_header: {}}}", version)), [](const std::string&) {
            lab::NginxOptions options;
            options.listen = {"0.0.0.0:80 proxy_protocol", "127.0.0.1:81"};
            std::swap(options.listen[0], options.listen[1]);
            options.more = "location = /who { return 200 $proxy_protocol_addr; }";
            return options;
        });
        const auto who = lab::http_get(site_->client(), lab::endpoint(kVip), "/who");
        EXPECT_EQ(who.value_or(who ? "" : who.error().message), "10.1.10.1") << version;
        site_.reset();
    }
}

TEST_F(Proxied, LeavesNothingBehind) {
    start(config());
    EXPECT_THAT(left_behind(), testing::HasSubstr("192.168.101.1"));
    site_->daemon().kill();
    EXPECT_THAT(left_behind(), testing::HasSubstr("192.168.101.1")) << "nobody could take it away";
    site_->daemon().start();
    for (const char* backend : {"10.1.10.10", "10.1.10.11", "10.1.10.12"})
        ASSERT_TRUE(site_->await(backend, "up"));
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll));
    ASSERT_TRUE(site_->reload("interfaces: []\n"));
    EXPECT_EQ(left_behind(), "");
}

TEST_F(Proxied, SaysWhoElseHasItsPort) {
    start("pools: {web: {static: [10.1.10.10]}}\n");
    const auto taken = lab::listen_tcp(site_->balancer(), lab::endpoint("0.0.0.0:80"));
    ASSERT_TRUE(site_->reload(unchecked()));
    EXPECT_TRUE(lab::wait_until(
        [&] { return site_->reason("10.1.10.10").find("in use") != std::string::npos; }, kSoon))
        << site_->reason("10.1.10.10");
}

}  // namespace
}  // namespace weir::e2e
