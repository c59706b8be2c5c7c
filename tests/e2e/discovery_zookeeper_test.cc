// The source `zookeeper` against a real ZooKeeper, from another host than the server's.
#include <gmock/gmock.h>

#include "discovery/kinds.h"
#include "lab/lab.h"
#include "lab/zookeeper.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/pace.h"

namespace weir::e2e {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::Contains, testing::HasSubstr, testing::Not;
using Members = std::set<std::string>;

constexpr const char* kAddress = "10.9.0.1:2181";

/// For tests that wait for a session to end; others are patient with a busy machine.
const LoneSource::Spec kSoonOver = {{"session_timeout", std::chrono::milliseconds(3s)}};

class DiscoveryZookeeper : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        if (const auto why = lab::Zookeeper::why_not(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("zookeeper");
        lab_->connect(lab_->host("server"), "eth0", lab_->host("weir"), "eth0");
        lab_->host("server").add_address("eth0", "10.9.0.1/24");
        lab_->host("server").add_address("eth0", "2001:db8:9::1/64");
        lab_->host("weir").add_address("eth0", "10.9.0.2/24");
        lab_->host("weir").add_address("eth0", "2001:db8:9::2/64");
    }
    void serve() { zookeeper_.emplace(lab_->host("server")); }
    /// With two backends below /web.
    void serve_two() {
        serve();
        zookeeper_->create("/web");
        zookeeper_->create("/web/a", "10.1.10.10:80");
        zookeeper_->create("/web/b", R"({"address": "10.1.10.11", "weight": 3})");
    }
    void begin(LoneSource::Spec settings = {}) {
        settings.emplace("servers", std::vector<std::string>{kAddress});
        settings.emplace("path", std::string("/web"));
        source_.emplace(lab_->host("weir"), discovery::zookeeper_kind(), std::move(settings));
    }

    std::optional<lab::Lab> lab_;
    std::optional<lab::Zookeeper> zookeeper_;
    std::optional<LoneSource> source_;
};

TEST_F(DiscoveryZookeeper, FollowsChildrenAndWhatIsInThem) {
    serve_two();
    zookeeper_->create("/web/garbage", "garbage");
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"})) << source_->error();
    EXPECT_THAT(source_->last().refused, Contains(HasSubstr("/web/garbage: 'garbage' is no ADDRESS")));

    auto since = steady_clock::now();
    zookeeper_->create("/web/10.1.10.12:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3", "10.1.10.12:80"}))
        << "its name, being empty";
    print_span("from zoo_create() to the listener", since);
    since = steady_clock::now();
    zookeeper_->set("/web/a", "10.1.10.10:81");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:81", "10.1.10.11*3", "10.1.10.12:80"}));
    print_span("from zoo_set() to the listener", since);
    zookeeper_->set("/web/a", "10.1.10.10:82");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:82", "10.1.10.11*3", "10.1.10.12:80"})) << "watched again";
    zookeeper_->remove("/web/b");
    zookeeper_->remove("/web/garbage");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:82", "10.1.10.12:80"}));
    EXPECT_TRUE(source_->last().refused.empty());
    zookeeper_->remove("/web/a");
    zookeeper_->create("/web/a", "10.1.10.13");
    ASSERT_TRUE(source_->awaits({"10.1.10.13", "10.1.10.12:80"})) << "gone and there again";
    zookeeper_->set("/web/a", "10.1.10.14");
    ASSERT_TRUE(source_->awaits({"10.1.10.14", "10.1.10.12:80"}));
    zookeeper_->remove("/web/a");
    zookeeper_->remove("/web/10.1.10.12:80");
    ASSERT_TRUE(source_->awaits({}));
    EXPECT_EQ(source_->times_failed(), 0u);
}

TEST_F(DiscoveryZookeeper, ReadsManyChildrenAndNeverSomeOfThem) {
    constexpr size_t kMany = 500;
    serve();
    zookeeper_->create("/web");
    for (size_t i = 0; i < kMany; ++i)
        zookeeper_->create(fmt::format("/web/10.1.{}.{}", i / 200, i % 200 + 1));
    begin();
    ASSERT_TRUE(source_->await([&] { return source_->times_found() > 0; }));
    EXPECT_EQ(source_->members().size(), kMany);
}

TEST_F(DiscoveryZookeeper, FailsWithoutItsNodeUntilThereIsOne) {
    serve();
    begin();
    ASSERT_TRUE(source_->awaits_failure("has no node '/web'; create it, or correct path"));
    zookeeper_->create("/web");
    ASSERT_TRUE(source_->awaits({}));
    zookeeper_->create("/web/a", "10.1.10.10:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"}));
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"}));
    zookeeper_->remove("/web/a");
    ASSERT_TRUE(source_->awaits({}));
    zookeeper_->remove("/web");
    ASSERT_TRUE(source_->awaits_failure("has no node '/web'"));
    zookeeper_->create("/web");
    zookeeper_->create("/web/a", "10.1.10.11:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.11:80"}));
}

TEST_F(DiscoveryZookeeper, KeepsItsSetWhileTheServerIsGone) {
    testing::internal::CaptureStderr();
    begin(kSoonOver);
    ASSERT_TRUE(source_->awaits_failure("ZooKeeper at 10.9.0.1:2181 does not answer"));
    EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("ZOO_")))
        << "the library speaks to nobody but the log";
    serve_two();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"}));

    zookeeper_->kill();
    ASSERT_TRUE(source_->awaits_failure("does not answer"));
    EXPECT_EQ(source_->members(), (Members{"10.1.10.10:80", "10.1.10.11*3"}));
    zookeeper_->start();
    zookeeper_->set("/web/a", "10.1.10.10:81");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:81", "10.1.10.11*3"}));
    zookeeper_->remove("/web/b");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:81"})) << "watches are there again";
}

TEST_F(DiscoveryZookeeper, BeginsAnotherSessionWithAServerThatKnowsNothingOfTheFormer) {
    serve_two();
    begin(kSoonOver);
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"}));
    zookeeper_->kill();
    zookeeper_->forget();
    zookeeper_->start();
    zookeeper_->create("/web");
    zookeeper_->create("/web/c", "10.1.10.12:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.12:80"})) << source_->error();
    zookeeper_->set("/web/c", "10.1.10.13:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.13:80"}));
}

TEST_F(DiscoveryZookeeper, OutlivesAServerThatIsStoppedForLongerThanItsSession) {
    serve_two();
    begin(kSoonOver);
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"}));
    zookeeper_->stop();
    ASSERT_TRUE(source_->awaits_failure("does not answer"));
    source_->idle(3s);  // its session ends
    EXPECT_EQ(source_->members(), (Members{"10.1.10.10:80", "10.1.10.11*3"}));
    zookeeper_->go_on();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"}));
    zookeeper_->create("/web/c", "10.1.10.12:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3", "10.1.10.12:80"}));
}

TEST_F(DiscoveryZookeeper, LeavesNothingBehindWhoeverAnswers) {
    serve_two();
    const auto before = threads();
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"}));
    EXPECT_GT(threads(), before);
    EXPECT_LT(source_->end(), 100ms);
    EXPECT_TRUE(source_->await([&] { return threads() == before; }));

    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"}));
    zookeeper_->stop();
    EXPECT_LT(source_->end(), 100ms) << "nobody waits for a stopped server";
    EXPECT_TRUE(source_->await([&] { return threads() == before; }));

    begin();
    EXPECT_LT(source_->end(), 100ms) << "before it has begun";
    begin();
    source_->idle(200ms);
    EXPECT_LT(source_->end(), 100ms) << "while it connects";
    EXPECT_TRUE(source_->await([&] { return threads() == before; }));
    zookeeper_->go_on();
    zookeeper_.reset();
}

TEST_F(DiscoveryZookeeper, ReadsBelowAChrootWhatItsUserMay) {
    serve();
    zookeeper_->create("/site");
    zookeeper_->create("/site/web");
    zookeeper_->create_for("weir:word", "/site/closed");
    zookeeper_->create_for("weir:word", "/site/web/a", "10.1.10.10:80");
    const LoneSource::Spec known = {{"session_timeout", std::chrono::milliseconds(3s)},
                                    {"chroot", std::string("/site")},
                                    {"user", std::string("weir")},
                                    {"password_file", model::FileText("word")}};
    auto wrong = known;
    wrong["password_file"] = model::FileText("wrong");

    begin({{"chroot", std::string("/site")}, {"path", std::string("/closed")}});
    ASSERT_TRUE(source_->awaits_failure("does not let weir read '/closed'; see user and password_file"));
    begin({{"chroot", std::string("/site")}});
    ASSERT_TRUE(source_->awaits_failure("does not let weir read '/web/a'"));
    begin(wrong);
    ASSERT_TRUE(source_->awaits_failure("does not let weir read '/web/a'"));
    begin(known);
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"})) << source_->error();
    zookeeper_->create_for("weir:word", "/site/web/b", "10.1.10.11:80");
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11:80"}))
        << "events have paths without the chroot";

    zookeeper_->kill();
    ASSERT_TRUE(source_->awaits_failure("does not answer"));
    zookeeper_->start();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11:80"})) << "it says again who it is";
    zookeeper_->create_for("somebody:else", "/site/web/c", "10.1.10.12:80");
    ASSERT_TRUE(source_->awaits_failure("does not let weir read '/web/c'"));
    EXPECT_EQ(source_->members(), (Members{"10.1.10.10:80", "10.1.10.11:80"}));
}

TEST_F(DiscoveryZookeeper, GoesToAnotherServerWhereOneIsGone) {
    serve_two();
    begin({{"servers", std::vector<std::string>{"10.9.0.1:2182", "[2001:db8:9::1]:2181", "10.9.0.99:2181"}},
           {"session_timeout", std::chrono::milliseconds(2s)}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"})) << source_->error();
}

}  // namespace
}  // namespace weir::e2e
