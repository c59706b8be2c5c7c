// klb's README, on XDP: workers announce themselves by multicast DNS, with avahi-publish-service or a static
// file, and get connections as long as they do.
#include <csignal>
#include <cstdlib>
#include <deque>

#include "lab/avahi.h"
#include "tests/e2e/fed_site.h"

namespace weir::e2e {
namespace {

const std::string kOne = "10.1.10.10", kTwo = "10.1.10.11", kThree = "10.1.10.12";
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

class Klb : public FedSiteTest {
  protected:
    void SetUp() override {
        FedSiteTest::SetUp();
        if (IsSkipped()) return;
        if (const std::string why = lab::Avahi::why_not(); !why.empty()) GTEST_SKIP() << why;
        avahi_.emplace(site_->balancer());
        for (size_t i = 0; i < 3; ++i) workers_.emplace_back(site_->dsr().backend(i));
        ::setenv("DBUS_SYSTEM_BUS_ADDRESS", avahi_->bus().c_str(), 1);  // for the daemon
    }

    uint64_t members() { return source().at("members").to_number<uint64_t>(); }
    /// 0 if there is no such backend.
    uint64_t weight(const std::string& address) {
        const auto row = site_->row(address);
        return row.empty() ? 0 : row.at("weight").to_number<uint64_t>();
    }

    std::optional<lab::Avahi> avahi_;
    std::deque<lab::Avahi> workers_;
};

TEST_F(Klb, SpreadsConnectionsOverWorkersThatAnnounceThemselves) {
    const lab::Process one = workers_[0].publish({"one", kType, 80});
    workers_[1].write_service("two", {"two", kType, 80});
    site_->run(kConfig);
    ASSERT_TRUE(served_by({"backend-1", "backend-2"}));

    auto three = std::make_unique<lab::Process>(workers_[2].publish({"three", kType, 80}));
    ASSERT_TRUE(become({kOne, kTwo, kThree}));
    ASSERT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));

    auto again =
        std::make_unique<lab::Process>(workers_[2].publish({"three again", kType, 80, {"weight=7"}}));
    ASSERT_TRUE(lab::wait_until([&] { return weight(kThree) == 7; }, kSoon));
    again.reset();
    ASSERT_TRUE(lab::wait_until([&] { return weight(kThree) == 1; }, kSoon)) << "one name is left";
    EXPECT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));
    three.reset();
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
}

TEST_F(Klb, FollowsAnnouncementsAtOnce) {
    site_->run(kConfig);
    std::deque<lab::Process> names;
    Pace pace;
    // Of one backend's names the one with the greatest weight counts.
    for (uint64_t i = 1; i <= Pace::kChanges; ++i) {
        names.push_back(
            workers_[0].publish({fmt::format("web {}", i), kType, 80, {fmt::format("weight={}", i)}}));
        // Before this, Avahi has asked for most of a second whether the name is somebody else's.
        const auto announced = std::chrono::steady_clock::now();
        ASSERT_TRUE(pace.await(announced, [&] { return weight(kOne) == i; })) << site_->daemon().log();
    }
    EXPECT_TRUE(pace.is_prompt("from the announcement to the plan in force"));
}

TEST_F(Klb, LeavesGarbageOut) {
    workers_[0].write_service("web", {"one", kType, 80});
    workers_[1].write_service("web", {"two", kType, 80, {"weight=rubbish"}});
    workers_[2].write_service("web", {"three", kType, 0});
    site_->run(kConfig);
    ASSERT_TRUE(refuses({"two: its 'weight' is 'rubbish', not a number", "three: it has port 0"}));
    ASSERT_TRUE(become({kOne}));
    EXPECT_TRUE(is("ok"));
    EXPECT_TRUE(served_by({"backend-1"}));

    workers_[1].write_service("web", {"two", kType, 80, {"weight=2"}});
    ASSERT_TRUE(become({kOne, kTwo}));
    workers_[0].write_service("web", {"one", kType, 80, {"weight=1e9"}});
    workers_[1].write_service("web", {"two", kType, 80, {"=", "weight=-1", "x"}});
    ASSERT_TRUE(refuses({"one: its 'weight' is '1e9'", "two: its 'weight' is '-1'", "three: it has port 0"}));
    EXPECT_TRUE(is_held_back()) << "garbage alone does not empty a pool";
    EXPECT_FALSE(backends().empty());
    workers_[0].write_service("web", {"one", kType, 80, {"weight=3"}});
    ASSERT_TRUE(become({kOne}));
    EXPECT_TRUE(lab::wait_until([&] { return weight(kOne) == 3; }, kSoon));
}

TEST_F(Klb, KeepsItsWorkersWhileAvahiIsGone) {
    for (size_t i = 0; i < 3; ++i) workers_[i].write_service("web", {fmt::format("web {}", i), kType, 80});
    site_->run(kConfig);
    ASSERT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));
    avahi_->stop(SIGTERM);
    workers_[1].remove_service("web");
    ASSERT_TRUE(fails_with("Avahi"));
    EXPECT_EQ(members(), 3u);
    EXPECT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));
    // The next daemon begins with what the former had and, a few seconds later, has written.
    ASSERT_TRUE(is_kept({kOne, kTwo, kThree}));
    site_->daemon().kill();
    site_->daemon().start();
    ASSERT_TRUE(fails_with("Avahi"));
    EXPECT_EQ(members(), 3u);
    EXPECT_TRUE(served_by({"backend-1", "backend-2", "backend-3"}));
    avahi_->start();
    ASSERT_TRUE(become({kOne, kThree}));
    EXPECT_TRUE(is("ok"));
    EXPECT_TRUE(served_by({"backend-1", "backend-3"}));
}

}  // namespace
}  // namespace weir::e2e
