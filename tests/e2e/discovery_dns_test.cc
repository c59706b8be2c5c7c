// The source `dns` against a real name server, on another host than the source.
#include <gmock/gmock.h>

#include "discovery/kinds.h"
#include "lab/knot.h"
#include "lab/lab.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/pace.h"

namespace weir::e2e {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;
using Members = std::set<std::string>;
using Words = std::vector<std::string>;

constexpr int64_t kSrv = 3;  // of `type`

class DiscoveryDns : public testing::Test {
  protected:
    void SetUp() override {
        for (const auto& why : {lab::why_no_lab(), lab::Knot::why_not()})
            if (!why.empty()) GTEST_SKIP() << why;
        lab_.emplace("dns");
        lab_->connect(server(), "eth0", lab_->host("weir"), "eth0");
        server().add_address("eth0", "10.9.0.53/24");
        server().add_address("eth0", "2001:db8:9::53/64");
        lab_->host("weir").add_address("eth0", "10.9.0.2/24");
        lab_->host("weir").add_address("eth0", "2001:db8:9::2/64");
    }
    lab::Host& server() { return lab_->host("server"); }
    void serve(std::map<std::string, std::string> zones) {
        knot_.emplace(server(), Words{"10.9.0.53@53", "2001:db8:9::53@5353"}, std::move(zones));
    }
    void serve(const std::string& records) { serve({{"example.org", records}}); }
    void change(const std::string& records) { knot_->set("example.org", records); }
    /// With an interval that the TTL is shorter than, unless the settings have another.
    void begin(const std::string& name, LoneSource::Spec settings = {}) {
        settings.emplace("name", name);
        settings.emplace("servers", Words{"10.9.0.53"});
        settings.emplace("interval", std::chrono::milliseconds(1h));
        settings.emplace("timeout", 200ms);
        source_.emplace(lab_->host("weir"), discovery::dns_kind(), std::move(settings));
    }

    std::optional<lab::Lab> lab_;
    std::optional<lab::Knot> knot_;
    std::optional<LoneSource> source_;
};

TEST_F(DiscoveryDns, FollowsTheAddressesOfAName) {
    serve("web 1 A 10.0.0.1\nweb 1 AAAA 2001:db8::1");
    begin("web.example.org", {{"port", int64_t{8080}}});
    ASSERT_TRUE(source_->awaits({"10.0.0.1:8080", "[2001:db8::1]:8080"})) << source_->error();
    auto since = steady_clock::now();
    change("web 1 A 10.0.0.1\nweb 1 A 10.0.0.2\nweb 1 AAAA 2001:db8::1");
    ASSERT_TRUE(source_->awaits({"10.0.0.1:8080", "10.0.0.2:8080", "[2001:db8::1]:8080"}));
    print_span("from Knot's new zone to the listener, with a TTL of 1 s", since);
    change("web 1 A 10.0.0.3");
    ASSERT_TRUE(source_->awaits({"10.0.0.3:8080"}));
    change("other A 10.0.0.3");
    ASSERT_TRUE(source_->awaits({})) << "NXDOMAIN";
    change("web TXT here");
    source_->idle(1500ms);
    EXPECT_EQ(source_->error(), "") << "no data";
    change("web 1 A 10.0.0.4");
    ASSERT_TRUE(source_->awaits({"10.0.0.4:8080"}));
    EXPECT_EQ(source_->times_failed(), 0u);
}

TEST_F(DiscoveryDns, HoldsASetForItsTtl) {
    serve("web 3 A 10.0.0.1\nweb 60 AAAA 2001:db8::1");
    begin("web.example.org");
    ASSERT_TRUE(source_->awaits({"10.0.0.1", "2001:db8::1"})) << source_->error();
    auto since = steady_clock::now();
    change("web 3 A 10.0.0.2");
    ASSERT_TRUE(source_->awaits({"10.0.0.2"}));
    EXPECT_GE(steady_clock::now() - since, 2500ms) << "it has asked sooner";
    EXPECT_EQ(source_->times_found(), 2u);
}

TEST_F(DiscoveryDns, FollowsServiceRecords) {
    const std::string hosts = "a 1 A 10.0.0.1\nb 1 A 10.0.0.2\nb 1 A 10.0.0.3\nc 1 AAAA 2001:db8::3\n";
    serve(hosts + "_web._tcp 1 SRV 10 6000 80 a\n_web._tcp 1 SRV 10 3000 81 b\n_web._tcp 1 SRV 20 0 82 c");
    begin("_web._tcp.example.org", {{"type", kSrv}});
    ASSERT_TRUE(
        source_->awaits({"10.0.0.1:80*1000", "10.0.0.2:81*250", "10.0.0.3:81*250", "[2001:db8::3]:82"}))
        << source_->error();
    for (const auto& member : source_->last().members)
        EXPECT_EQ(member.priority, member.address.is_v4() ? 10 : 20);
    change(hosts + "_web._tcp 1 SRV 10 6 80 a\n_web._tcp 1 SRV 10 3 83 c");
    ASSERT_TRUE(source_->awaits({"10.0.0.1:80*6", "[2001:db8::3]:83*3"}));
    change(hosts + "_web._tcp 1 SRV 10 6 80 a\n_web._tcp 1 SRV 10 3 83 gone");
    ASSERT_TRUE(source_->awaits({"10.0.0.1:80*6"}));
    EXPECT_THAT(source_->last().refused, ElementsAre("gone.example.org:83: it has no address"));
    change(hosts + "_web._tcp 1 SRV 0 0 0 .");
    ASSERT_TRUE(source_->awaits({}));
}

TEST_F(DiscoveryDns, FindsHundreds) {
    std::string addresses, services;
    Members wanted, targets;
    for (int i = 0; i < 600; i++) {
        auto address = fmt::format("10.1.{}.{}", i / 200, i % 200 + 1);
        addresses += fmt::format("many A {}\n", address);
        wanted.insert(address);
        if (i >= 300) continue;
        services += fmt::format("_many._tcp SRV 0 1 80 h{0}\nh{0} A {1}\n", i, address);
        targets.insert(address + ":80");
    }
    serve(addresses + services);
    begin("many.example.org");
    ASSERT_TRUE(source_->awaits(wanted)) << source_->error();
    begin("_many._tcp.example.org", {{"type", kSrv}});
    ASSERT_TRUE(source_->awaits(targets)) << source_->error();
}

TEST_F(DiscoveryDns, KeepsWhatItKnowsWhileTheServerIsGone) {
    serve("web 1 A 10.0.0.1");
    begin("web.example.org");
    ASSERT_TRUE(source_->awaits({"10.0.0.1"})) << source_->error();
    const auto found = source_->times_found();
    knot_->kill();
    ASSERT_TRUE(source_->awaits_failure("10.9.0.53:53: it cannot be reached")) << source_->error();
    EXPECT_THAT(source_->members(), ElementsAre("10.0.0.1"));
    knot_->start();
    ASSERT_TRUE(source_->awaits({"10.0.0.1"}));
    change("web 1 A 10.0.0.2");
    ASSERT_TRUE(source_->awaits({"10.0.0.2"}));
    EXPECT_GT(source_->times_found(), found);
}

TEST_F(DiscoveryDns, KeepsWhatItKnowsWhileTheServerIsOutOfReach) {
    serve("web 1 A 10.0.0.1");
    begin("web.example.org");
    ASSERT_TRUE(source_->awaits({"10.0.0.1"})) << source_->error();
    server().set_up("eth0", false);
    ASSERT_TRUE(source_->await([&] { return !source_->error().empty(); }));
    source_->idle(5s);
    EXPECT_THAT(source_->members(), ElementsAre("10.0.0.1"));
    EXPECT_LE(source_->times_failed(), 2u) << "a failure is told once";
    change("web 1 A 10.0.0.2");
    server().set_up("eth0", true);
    ASSERT_TRUE(source_->awaits({"10.0.0.2"})) << source_->error();
}

TEST_F(DiscoveryDns, FailsWhereTheServerHasNoSay) {
    serve("web 1 A 10.0.0.1\nsub NS ns.elsewhere.test.");
    begin("web.example.org");
    ASSERT_TRUE(source_->awaits({"10.0.0.1"}));
    begin("web.sub.example.org");
    ASSERT_TRUE(source_->awaits_failure("does not answer for this name itself")) << source_->error();
    begin("web.example.com");
    ASSERT_TRUE(source_->awaits_failure("A web.example.com from 10.9.0.53:53: REFUSED")) << source_->error();
    EXPECT_EQ(source_->times_found(), 0u);
}

TEST_F(DiscoveryDns, LooksInItsSearchDomains) {
    serve({{"one.test", "other A 10.0.0.1"}, {"two.test", "web 1 A 10.0.0.2"}});
    begin("web", {{"search", Words{"one.test", "two.test"}}});
    ASSERT_TRUE(source_->awaits({"10.0.0.2"})) << source_->error();
    knot_->set("one.test", "web 1 A 10.0.0.3");
    ASSERT_TRUE(source_->awaits({"10.0.0.3"}));
}

TEST_F(DiscoveryDns, FollowsAliasesFromZoneToZone) {
    serve({{"one.test", "web 1 CNAME next\nnext 1 CNAME far.two.test."}, {"two.test", "far 1 A 10.0.0.2"}});
    begin("web.one.test");
    ASSERT_TRUE(source_->awaits({"10.0.0.2"})) << source_->error();
    knot_->set("two.test", "far 1 A 10.0.0.3");
    ASSERT_TRUE(source_->awaits({"10.0.0.3"}));
}

TEST_F(DiscoveryDns, AsksTheNextServerAndOverIpv6AndTcp) {
    serve("web 1 A 10.0.0.1");
    begin("web.example.org",
          {{"servers", Words{"10.9.0.99", "10.9.0.53:54", "[2001:db8:9::53]:5353"}}, {"tcp", int64_t{1}}});
    ASSERT_TRUE(source_->awaits({"10.0.0.1"})) << source_->error();
    EXPECT_LT(source_->end(), 1s);
}

}  // namespace
}  // namespace weir::e2e
