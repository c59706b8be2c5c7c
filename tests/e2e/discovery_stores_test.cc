// Pools that Redis and ZooKeeper fill, through the daemon: from a change in the store to the datapath, and
// what stays while the store is gone.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "lab/redis.h"
#include "lab/zookeeper.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr const char* kVip = "192.168.101.1:80";

/// What both stores have in common.
struct Store {
    std::function<void(const std::string& address)> add;
    std::function<void(const std::string& address)> remove;
    std::function<void()> kill;
    std::function<void()> start;  // with nobody in it, or with those who were
};

class DiscoveryStores : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (!IsSkipped()) site_.emplace(lab::DsrOptions{.lab = "stores", .ipv6 = false});
    }
    static std::string text(const std::string& source) {
        return fmt::format(
            "interfaces: [eth0]\n"
            "pools: {{web: {{{}, damping: 0s}}}}\n"
            "services:\n"
            "  web: {{vip: 192.168.101.1, ports: 80, pool: web, checks: [{{http: {{path: /alive}},"
            " interval: 1s, timeout: 1s, history: 3, rise: 2, fall: 2}}]}}\n",
            source);
    }
    boost::json::value source() { return site_->get("/api/v1/pools").at(0).at("sources").at(0); }
    std::set<std::string> planned() {
        std::set<std::string> all;
        const auto plan = site_->get("/api/v1/plan");
        for (const auto& frontend : plan.at("frontends").as_array())
            for (const auto& target : frontend.at("targets").as_array())
                all.emplace(target.at("address").as_string());
        return all;
    }
    bool plans(const std::set<std::string>& addresses) {
        return lab::wait_until([&] { return planned() == addresses; }, kSoon);
    }
    bool is(const std::string& state) {
        return lab::wait_until([&] { return source().at("state").as_string() == state; }, 2 * kSoon);
    }
    std::string shown() { return boost::json::serialize(source()) + "\n" + site_->daemon().log(); }

    void follow(const Store& store) {
        ASSERT_TRUE(plans({"10.1.10.10"})) << shown();
        ASSERT_TRUE(is("ok")) << shown();
        ASSERT_TRUE(site_->await("10.1.10.10", "up"));
        auto since = steady_clock::now();
        store.add("10.1.10.11");
        ASSERT_TRUE(plans({"10.1.10.10", "10.1.10.11"})) << shown();
        EXPECT_LT(steady_clock::now() - since, 2s);
        print_delay("from the change in the store to the plan", since);
        ASSERT_TRUE(site_->await("10.1.10.11", "up"));
        EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-1", "backend-2"}));

        since = steady_clock::now();
        store.remove("10.1.10.10");
        ASSERT_TRUE(plans({"10.1.10.11"})) << shown();
        EXPECT_LT(steady_clock::now() - since, 2s);
        EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-2"}));
        store.add("garbage");
        EXPECT_TRUE(lab::wait_until(
            [&] {
                return boost::json::serialize(source().at("refused")).find("garbage") != std::string::npos;
            },
            kSoon))
            << shown();
        EXPECT_EQ(planned(), std::set<std::string>{"10.1.10.11"});

        store.kill();
        ASSERT_TRUE(is("failing")) << shown();
        EXPECT_EQ(planned(), std::set<std::string>{"10.1.10.11"});
        EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-2"}));
        store.start();
        store.add("10.1.10.12");
        ASSERT_TRUE(plans({"10.1.10.11", "10.1.10.12"})) << shown();
        ASSERT_TRUE(is("ok")) << shown();
        EXPECT_THAT(site_->daemon().log(), testing::Not(HasSubstr("ZOO_")));
    }

    std::optional<Site> site_;
};

TEST_F(DiscoveryStores, RedisFillsAPool) {
    if (const auto why = lab::Redis::why_not(); !why.empty()) GTEST_SKIP() << why;
    lab::Redis redis(site_->balancer(), {"--notify-keyspace-events", "Kgshzxe"});
    redis.tell({"SADD", "web", "10.1.10.10"});
    site_->run(text("redis: {address: \"127.0.0.1:6379\", key: web, interval: 1s}"));
    const auto add = [&](const std::string& address) { redis.tell({"SADD", "web", address}); };
    follow({.add = add,
            .remove = [&](const std::string& address) { redis.tell({"SREM", "web", address}); },
            .kill = [&] { redis.kill(); },
            .start =
                [&] {
                    redis.start();
                    add("10.1.10.11");
                }});
}

TEST_F(DiscoveryStores, ZookeeperFillsAPool) {
    if (const auto why = lab::Zookeeper::why_not(); !why.empty()) GTEST_SKIP() << why;
    lab::Zookeeper zookeeper(site_->balancer());
    const auto add = [&](const std::string& address) { zookeeper.create("/web/" + address); };
    zookeeper.create("/web");
    add("10.1.10.10");
    site_->run(text("zookeeper: {servers: [\"127.0.0.1:2181\"], path: /web, session_timeout: 3s}"));
    follow({.add = add,
            .remove = [&](const std::string& address) { zookeeper.remove("/web/" + address); },
            .kill = [&] { zookeeper.kill(); },
            .start = [&] { zookeeper.start(); }});
}

}  // namespace
}  // namespace weir::e2e
