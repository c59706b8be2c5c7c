// Pools that etcd, Redis and ZooKeeper fill, through the daemon: from a change in the store to the datapath,
// and what stays while the store is gone.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>

#include "lab/redis.h"
#include "lab/zookeeper.h"
#include "tests/e2e/etcd_server.h"
#include "tests/e2e/fed_site.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;

const std::string kOne = "10.1.10.10", kTwo = "10.1.10.11", kThree = "10.1.10.12";

/// What the stores have in common.
struct Store {
    std::function<void(const std::string& address)> add;
    std::function<void(const std::string& address)> remove;
    std::function<void()> kill;
    std::function<void()> start;  // with nobody in it, or with those who were
    std::string mishap;           // what the source says when it is gone
};

class DiscoveryStores : public FedSiteTest {
  protected:
    void follow(const Store& store);
    void outlive(const Store& store);
};

/// From kOne alone, whom the store has at first, to kTwo alone.
void DiscoveryStores::follow(const Store& store) {
    ASSERT_TRUE(become({kOne}));
    ASSERT_TRUE(is("ok"));
    ASSERT_TRUE(site_->await(kOne, "up"));
    EXPECT_TRUE(follows_at_once("from the change in the store to the plan in force",
                                {[&] { store.add(kTwo); }, {kOne, kTwo}},
                                {[&] { store.remove(kTwo); }, {kOne}}));
    store.add(kTwo);
    ASSERT_TRUE(become({kOne, kTwo}));
    ASSERT_TRUE(site_->await(kTwo, "up"));
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    store.remove(kOne);
    ASSERT_TRUE(become({kTwo}));
    EXPECT_TRUE(served_by({"backend-2"}));
    store.add("garbage");
    EXPECT_TRUE(refuses({"garbage"}));
    EXPECT_EQ(backends(), Addresses{kTwo});
    store.remove("garbage");
    EXPECT_TRUE(lab::wait_until([&] { return source().at("refused").as_array().empty(); }, kSoon));
}

/// Then kTwo stays, also with a daemon that has never spoken to the store.
void DiscoveryStores::outlive(const Store& store) {
    store.kill();
    ASSERT_TRUE(fails_with(store.mishap));
    EXPECT_EQ(source().at("members"), 1);
    EXPECT_EQ(backends(), Addresses{kTwo});
    EXPECT_TRUE(served_by({"backend-2"}));
    ASSERT_TRUE(is_kept({kTwo}));
    site_->daemon().kill();
    site_->daemon().start();
    ASSERT_TRUE(become({kTwo})) << "a daemon that begins meanwhile knows it, too";
    ASSERT_TRUE(fails_with(store.mishap));

    store.start();
    store.add(kThree);
    ASSERT_TRUE(become({kTwo, kThree}));
    ASSERT_TRUE(is("ok"));
    for (const auto& address : {kTwo, kThree}) store.remove(address);
    ASSERT_TRUE(is_held_back()) << "none is fewer than the minimum";
    EXPECT_FALSE(backends().empty());
    EXPECT_THAT(site_->daemon().log(), testing::Not(HasSubstr("ZOO_")));
}

TEST_F(DiscoveryStores, EtcdFillsAPool) {
    if (const auto why = EtcdServer::why_not(); !why.empty()) GTEST_SKIP() << why;
    EtcdServer etcd(site_->client(), "10.1.10.1");
    const Store store = {.add = [&](const auto& address) { etcd.put("/web/" + address, ""); },
                         .remove = [&](const auto& address) { etcd.remove("/web/" + address); },
                         .kill = [&] { etcd.kill(); },
                         .start = [&] { etcd.start(); },
                         .mishap = "etcd: http://10.1.10.1:2379: "};
    store.add(kOne);
    start(fmt::format("etcd: {{endpoints: ['{}'], prefix: /web/}}, damping: 0s", etcd.url()));
    follow(store);
    if (!HasFatalFailure()) outlive(store);
}

TEST_F(DiscoveryStores, RedisFillsAPool) {
    if (const auto why = lab::Redis::why_not(); !why.empty()) GTEST_SKIP() << why;
    lab::Redis redis(site_->balancer(), {"--notify-keyspace-events", "Kgshzxe"});
    const Store store = {.add = [&](const auto& address) { redis.tell({"SADD", "web", address}); },
                         .remove = [&](const auto& address) { redis.tell({"SREM", "web", address}); },
                         .kill = [&] { redis.kill(); },
                         .start =
                             [&] {
                                 redis.start();
                                 redis.tell({"SADD", "web", kTwo});
                             },
                         .mishap = "127.0.0.1:6379"};
    store.add(kOne);
    // Only an event can be sooner than this interval.
    start("redis: {address: \"127.0.0.1:6379\", key: web, interval: 1h}, damping: 0s");
    follow(store);
    if (!HasFatalFailure()) outlive(store);
}

TEST_F(DiscoveryStores, ZookeeperFillsAPool) {
    if (const auto why = lab::Zookeeper::why_not(); !why.empty()) GTEST_SKIP() << why;
    lab::Zookeeper zookeeper(site_->balancer());
    const Store store = {.add = [&](const auto& address) { zookeeper.create("/web/" + address); },
                         .remove = [&](const auto& address) { zookeeper.remove("/web/" + address); },
                         .kill = [&] { zookeeper.kill(); },
                         .start = [&] { zookeeper.start(); },
                         .mishap = "does not answer"};
    zookeeper.create("/web");
    store.add(kOne);
    start("zookeeper: {servers: [\"127.0.0.1:2181\"], path: /web, session_timeout: 3s}, damping: 0s");
    follow(store);
    if (!HasFatalFailure()) outlive(store);
}

}  // namespace
}  // namespace weir::e2e
