// klb's README, on XDP: workers announce themselves by multicast DNS, with avahi-publish-service or a static
// file, and get connections as long as they do.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>

#include "lab/avahi.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

constexpr const char* kVip = "192.168.101.1:80";
constexpr const char* kType = "_foo._tcp";

/// As `weir import klb` writes it, but for the engine.
constexpr const char* kConfig = R"(interfaces: [eth0]
pools:
  foo:
    zeroconf: {service: foo, interface: eth0, protocol: ipv4}
services:
  foo:
    vip: [192.168.101.1]
    ports: [80/tcp]
    pool: foo
    forward: dsr
)";

class Klb : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        if (const std::string why = lab::Avahi::why_not(); !why.empty()) GTEST_SKIP() << why;
        site_.emplace(lab::DsrOptions{.lab = "klb", .ipv6 = false});
        avahi_.emplace(site_->balancer());
        for (size_t i = 0; i < 3; ++i) workers_.emplace_back(site_->dsr().backend(i));
        ::setenv("DBUS_SYSTEM_BUS_ADDRESS", avahi_->bus().c_str(), 1);  // for the daemon
    }

    testing::AssertionResult served_by(const std::vector<std::string>& workers) {
        testing::AssertionResult last = testing::AssertionFailure();
        const bool done = lab::wait_until(
            [&] {
                last = answered_by(site_->ask(kVip, 30), workers);
                return bool(last);
            },
            kSoon);
        return done ? testing::AssertionSuccess() : last << "\n" << site_->daemon().log();
    }
    boost::json::value source() { return site_->get("/api/v1/pools").at(0).at("sources").at(0); }
    bool source_is(std::string_view state, uint64_t members) {
        return lab::wait_until(
            [&] {
                const boost::json::value now = source();
                return now.at("state").as_string() == state &&
                       now.at("members").to_number<uint64_t>() == members;
            },
            kSoon);
    }

    std::optional<Site> site_;
    std::optional<lab::Avahi> avahi_;
    std::deque<lab::Avahi> workers_;
};

TEST_F(Klb, SpreadsConnectionsOverWorkersThatAnnounceThemselves) {
    const lab::Process one = workers_[0].publish({"one", kType, 80});
    workers_[1].write_service("two", {"two", kType, 80});
    site_->run(kConfig);
    ASSERT_TRUE(served_by({"backend-1", "backend-2"}));

    auto three = std::make_unique<lab::Process>(workers_[2].publish({"three", kType, 80}));
    const auto announced = std::chrono::steady_clock::now();
    ASSERT_TRUE(lab::wait_until([&] { return !site_->row("10.1.10.12").empty(); }, kSoon));
    const auto soon = std::chrono::steady_clock::now() - announced;
    EXPECT_LT(soon, 2s);
    RecordProperty("milliseconds_to_the_plan",
                   static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(soon).count()));
    ASSERT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));

    auto again =
        std::make_unique<lab::Process>(workers_[2].publish({"three again", kType, 80, {"weight=7"}}));
    const auto weight = [&] { return site_->row("10.1.10.12").at("weight").to_number<uint64_t>(); };
    ASSERT_TRUE(lab::wait_until([&] { return weight() == 7; }, kSoon));
    again.reset();
    ASSERT_TRUE(lab::wait_until([&] { return weight() == 1; }, kSoon)) << "one name is left";
    EXPECT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));
    three.reset();
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
}

TEST_F(Klb, KeepsItsWorkersWhileAvahiIsGone) {
    for (size_t i = 0; i < 3; ++i) workers_[i].write_service("web", {fmt::format("web {}", i), kType, 80});
    site_->run(kConfig);
    ASSERT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));
    avahi_->stop(SIGTERM);
    workers_[1].remove_service("web");
    ASSERT_TRUE(source_is("failing", 3));
    EXPECT_THAT(std::string(source().at("error").as_string()), testing::HasSubstr("Avahi"));
    EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-1", "backend-2", "backend-3"}));
    // The next daemon begins with what the former had and, a few seconds later, has written.
    const auto kept =
        std::filesystem::path(site_->daemon().config_path()).parent_path() / "state/supply.json";
    ASSERT_TRUE(lab::wait_until([&] { return std::filesystem::exists(kept); }, kSoon));
    site_->daemon().kill();
    site_->daemon().start();
    ASSERT_TRUE(source_is("failing", 3)) << boost::json::serialize(source()) << "\n" << site_->daemon().log();
    EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-1", "backend-2", "backend-3"}));
    avahi_->start();
    ASSERT_TRUE(source_is("ok", 2)) << site_->daemon().log();
    EXPECT_TRUE(served_by({"backend-1", "backend-3"}));
}

}  // namespace
}  // namespace weir::e2e
