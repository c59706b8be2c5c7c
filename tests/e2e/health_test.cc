// What makes a backend go down and come back, and the reason that is shown: real servers, cables and
// addresses.
#include <gmock/gmock.h>

#include <filesystem>

#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kVip = "192.168.101.1:80";
constexpr const char* kFirst = "10.1.10.10";

class Health : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        // `/state` is 503 while the file `ill` stands.
        const auto nginx = [&](const std::string&) {
            return lab::NginxOptions{
                .more =
                    fmt::format("location = /state {{ if (-f {0}) {{ return 503; }} return 200 \"well\"; }}",
                                std::string(dir_ / "ill"))};
        };
        site_.emplace(lab::DsrOptions{.lab = "health"}, nginx);
    }
    static Yaml yaml() {
        Yaml yaml;
        yaml.check = "{http: {path: /state}, interval: 1s, timeout: 1s, history: 3, rise: 2, fall: 2}";
        return yaml;
    }
    /// The reason changes with each check, so the right one may come a little later.
    testing::AssertionResult gives_reason(const std::string& address, const std::string& begin) {
        if (lab::wait_until([&] { return site_->reason(address).starts_with(begin); }, kSoon))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << site_->reason(address);
    }
    testing::AssertionResult others_serve() {
        return answered_by(site_->ask(kVip), {"backend-2", "backend-3"});
    }
    testing::AssertionResult all_serve() {
        return answered_by(site_->ask(kVip), {"backend-1", "backend-2", "backend-3"});
    }

    lab::TempDir dir_;
    std::optional<Site> site_;
};

TEST_F(Health, ABackendWithoutTheVipIsDownThoughItsOwnAddressAnswers) {
    site_->start(yaml());
    site_->dsr().with_vip(0, false);
    ASSERT_TRUE(site_->await(kFirst, "down"));
    EXPECT_TRUE(gives_reason(kFirst, "L4TOUT"));
    const auto own = lab::http_get(site_->balancer(), lab::endpoint("10.1.10.10:80"));
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_EQ(*own, "backend-1");
    EXPECT_TRUE(others_serve());

    const lab::Finished listing = site_->weir({"backends"});
    EXPECT_THAT(listing.out, testing::ContainsRegex("10\\.1\\.10\\.10 .*DOWN.*L4TOUT"));

    site_->dsr().with_vip(0, true);
    ASSERT_TRUE(site_->await(kFirst, "up"));
    EXPECT_TRUE(all_serve());
}

TEST_F(Health, AServerThatEndsIsRefusedAndOneThatStartsIsFound) {
    site_->start(yaml());
    site_->server(0).kill();
    ASSERT_TRUE(site_->await(kFirst, "down"));
    EXPECT_TRUE(gives_reason(kFirst, "L4CON"));
    EXPECT_TRUE(others_serve());
    site_->server(0).start();
    ASSERT_TRUE(site_->await(kFirst, "up"));
    EXPECT_TRUE(all_serve());
}

TEST_F(Health, AServerThatSaysItIsIllIsTakenOutWithItsStatus) {
    site_->start(yaml());
    dir_.write("ill", "");  // all three share the file
    for (size_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(site_->await(lab::Dsr::address4(i), "down"));
        EXPECT_TRUE(gives_reason(lab::Dsr::address4(i), "L7STS/503"));
    }
    const boost::json::value down = site_->get("/api/v1/services");
    EXPECT_FALSE(down.at(0).at("healthy").as_bool());

    const auto dropped = [&]() -> uint64_t {
        const boost::json::value status = site_->get("/api/v1/status");
        for (const boost::json::value& each : status.at("not_forwarded").as_array())
            if (each.at("reason").as_string() == "no_backend")
                return each.at("packets_total").to_number<uint64_t>();
        return 0;
    };
    const uint64_t before = dropped();
    EXPECT_FALSE(lab::connect_tcp(site_->client(), lab::endpoint(kVip), 200ms));
    EXPECT_GT(dropped(), before) << "what is not forwarded is counted";

    std::filesystem::remove(dir_ / "ill");
    for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(site_->await(lab::Dsr::address4(i), "up"));
    EXPECT_TRUE(all_serve());
    const boost::json::value up = site_->get("/api/v1/services");
    EXPECT_TRUE(up.at(0).at("healthy").as_bool());
}

TEST_F(Health, AHostThatLosesItsCableIsDownUntilItHasItAgain) {
    site_->start(yaml());
    site_->dsr().cable(0, false);
    ASSERT_TRUE(site_->await(kFirst, "down"));
    EXPECT_THAT(site_->reason(kFirst), AnyOf(StartsWith("L4TOUT"), HasSubstr("does not answer")));
    EXPECT_TRUE(others_serve());
    site_->dsr().cable(0, true);
    ASSERT_TRUE(site_->await(kFirst, "up"));
    EXPECT_TRUE(all_serve());
}

TEST_F(Health, AnAddressWhereNobodyLivesIsSaidToBeUnresolved) {
    Yaml with_ghost = yaml();
    with_ghost.backends += ", 10.1.10.77";
    site_->start(with_ghost);
    const auto unresolved = [&] {
        return site_->reason("10.1.10.77").find("does not answer") != std::string::npos;
    };
    EXPECT_TRUE(lab::wait_until(unresolved, kSoon)) << site_->reason("10.1.10.77");
    EXPECT_EQ(site_->row("10.1.10.77").at("health").as_string(), "down");
    EXPECT_TRUE(all_serve());
}

TEST_F(Health, FailOpenHasAllServeThoughNobodyIsUp) {
    const Yaml closed = yaml();
    Yaml open = closed;
    open.services = "    fail_open: true\n";  // the rest of `web`
    site_->start(open);
    dir_.write("ill", "");
    for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(site_->await(lab::Dsr::address4(i), "down"));
    const auto serving = [&] {
        const boost::json::value services = site_->get("/api/v1/services");
        return std::string(services.at(0).at("frontends").at(0).at("serving").as_string());
    };
    EXPECT_EQ(serving(), "fail_open");
    EXPECT_TRUE(all_serve());
    ASSERT_TRUE(site_->reload(closed));
    EXPECT_EQ(serving(), "nothing");
    EXPECT_FALSE(lab::connect_tcp(site_->client(), lab::endpoint(kVip), 200ms));
    ASSERT_TRUE(site_->reload(open));
    EXPECT_TRUE(all_serve());
}

TEST_F(Health, AServerThatComesUpBeginsSlowlyAndGoesOnSoAfterATakeover) {
    Yaml slow = yaml();
    slow.backends = "10.1.10.10, 10.1.10.11";
    slow.check = "{http: {path: /state}, interval: 500ms, timeout: 500ms, history: 5, rise: 1, fall: 3}";
    slow.services = "    slow_start: 40s\n";  // the rest of `web`
    site_->start(slow);
    site_->server(0).kill();
    ASSERT_TRUE(site_->await(kFirst, "down"));
    ASSERT_EQ(site_->daemon().replace(), 0);  // for the next daemon the service is not a new one
    site_->server(0).start();
    ASSERT_TRUE(site_->await(kFirst, "up"));

    const auto weight = [&] { return site_->row(kFirst).at("effective_weight").to_number<double>(); };
    const double light = weight();
    EXPECT_LT(light, 1);
    const size_t early = site_->ask(kVip, 400)["backend-1"];
    ASSERT_EQ(site_->daemon().replace(), 0);
    EXPECT_LT(weight(), 1) << "its ramp goes on";
    EXPECT_TRUE(lab::wait_until([&] { return weight() > light; }, kSoon));

    slow.services = "    slow_start: 1s\n";
    ASSERT_TRUE(site_->reload(slow));
    EXPECT_TRUE(lab::wait_until([&] { return weight() == 1; }, kSoon));
    EXPECT_LT(early, site_->ask(kVip, 400)["backend-1"]);
}

}  // namespace
}  // namespace weir::e2e
