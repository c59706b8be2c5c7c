// A pool of the real daemon that a name in DNS fills: what comes of it in the plan and for clients.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>

#include "lab/knot.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;
using Words = std::vector<std::string>;

class DnsPool : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        if (auto why = lab::Knot::why_not(); !why.empty()) GTEST_SKIP() << why;
        site_.emplace();
        knot_.emplace(site_->balancer(), std::vector<std::string>{"10.1.10.100@53"},
                      std::map<std::string, std::string>{{"example.org", records({10, 11})}});
        auto config = Yaml{}.text();
        const std::string fixed = "static: [10.1.10.10, 10.1.10.11, 10.1.10.12]";
        config.replace(config.find(fixed), fixed.size(),
                       "dns: {name: web.example.org, type: a, servers: [10.1.10.100], timeout: 200ms}");
        site_->run(config);
    }
    static std::string records(const std::vector<int>& hosts) {
        std::string all;
        for (int host : hosts) all += fmt::format("web 1 A 10.1.10.{}\n", host);
        return all;
    }
    boost::json::object source() { return site_->get("/api/v1/pools").at(0).at("sources").at(0).as_object(); }
    [[nodiscard]] bool has(const std::string& address, bool there) {
        return lab::wait_until([&] { return site_->row(address).empty() != there; }, kSoon);
    }
    [[nodiscard]] bool is(const std::string& state) {
        return lab::wait_until([&] { return source().at("state").as_string() == state; }, kSoon);
    }

    std::optional<Site> site_;
    std::optional<lab::Knot> knot_;
};

TEST_F(DnsPool, FollowsItsNameAndKeepsItsBackendsWhileNobodyAnswers) {
    ASSERT_TRUE(has("10.1.10.10", true));
    ASSERT_TRUE(site_->await("10.1.10.10", "up") && site_->await("10.1.10.11", "up"));
    EXPECT_TRUE(answered_by(site_->ask("192.168.101.1:80"), {"backend-1", "backend-2"}));
    EXPECT_TRUE(is("ok"));

    auto since = steady_clock::now();
    knot_->set("example.org", records({11, 12}));
    ASSERT_TRUE(has("10.1.10.12", true) && has("10.1.10.10", false));
    print_delay("from Knot's new zone to the daemon's backends, with a TTL of 1 s", since);
    ASSERT_TRUE(site_->await("10.1.10.12", "up"));

    knot_->kill();
    ASSERT_TRUE(is("failing"));
    EXPECT_THAT(std::string(source().at("error").as_string()), HasSubstr("it cannot be reached"));
    EXPECT_FALSE(site_->row("10.1.10.11").empty());
    knot_->start();
    ASSERT_TRUE(is("ok"));

    knot_->set("example.org", "other A 10.1.10.10");
    lab::pause_for(2500ms);
    EXPECT_FALSE(site_->row("10.1.10.11").empty()) << "a name that is gone does not empty a pool";
    knot_->set("example.org", records({10}));
    ASSERT_TRUE(has("10.1.10.10", true));
}

}  // namespace
}  // namespace weir::e2e
