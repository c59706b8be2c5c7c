// Pools that stand by: the sorry server takes over and gives back; what is over a cap flows over.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

constexpr const char* kVip = "192.168.101.1:80";

class Pools : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (!IsSkipped()) site_.emplace(lab::DsrOptions{.lab = "pools", .ipv6 = false});
    }
    /// backend-1 is the pool `web`, backend-3 the pool `spare`.
    static std::string text(const std::string& first, const std::string& service) {
        return fmt::format(
            "interfaces: [eth0]\n"
            "pools:\n"
            "  web: {{static: [{}]}}\n"
            "  spare: {{static: [10.1.10.12]}}\n"
            "services:\n"
            "  web:\n"
            "    vip: 192.168.101.1\n"
            "    ports: 80\n"
            "    pool: web\n"
            "    {}\n"
            "    checks: [{{http: {{path: /alive}}, interval: 1s, timeout: 1s, history: 3, rise: 2, "
            "fall: 2}}]\n",
            first, service);
    }
    void start(const std::string& text) {
        daemon_.emplace(site_->balancer(), WEIR_BINARY, text);
        ASSERT_TRUE(served_by({"backend-1"}));
    }
    boost::json::value get(const std::string& path) { return lab::must(daemon_->get(path)); }
    std::string serving() {
        return std::string(get("/api/v1/services").at(0).at("frontends").at(0).at("serving").as_string());
    }
    bool served_by(const std::vector<std::string>& backends) {
        return lab::wait_until([&] { return bool(answered_by(site_->ask(kVip, 5), backends)); }, kSoon);
    }

    std::optional<Site> site_;
    std::optional<lab::Daemon> daemon_;
};

TEST_F(Pools, TheFallbackTakesOverWhenAllAreDownAndGivesBack) {
    start(text("10.1.10.10", "fallback: spare"));
    EXPECT_EQ(serving(), "pool");
    site_->server(0).kill();
    ASSERT_TRUE(served_by({"backend-3"}));
    EXPECT_EQ(serving(), "fallback");
    EXPECT_THAT(boost::json::serialize(get("/api/v1/status").at("problems")),
                testing::HasSubstr("is on its fallback pool"));
    site_->server(0).start();
    ASSERT_TRUE(served_by({"backend-1"}));
    EXPECT_EQ(serving(), "pool");
}

TEST_F(Pools, WhatIsOverACapFlowsOverToTheBackup) {
    start(text("{address: 10.1.10.10, max_connections: 5}", "backup: spare"));
    std::vector<UniqueFd> held;
    for (int i = 0; i < 8; ++i) {
        auto opened = lab::connect_tcp(site_->client(), lab::endpoint(kVip), 5s);
        ASSERT_TRUE(opened) << opened.error().message;
        held.push_back(std::move(*opened));
    }
    ASSERT_TRUE(served_by({"backend-3"}));
    EXPECT_EQ(serving(), "backup");
    const auto row = get("/api/v1/backends").at(0);
    EXPECT_EQ(row.at("accepts").as_string(), "established");
    EXPECT_EQ(row.at("limited").as_string(), "full: max_connections is 5");
}

}  // namespace
}  // namespace weir::e2e
