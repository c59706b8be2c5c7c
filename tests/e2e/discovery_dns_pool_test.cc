// A pool of the real daemon that a name in DNS fills: what comes of it in the plan and for clients.
#include <gmock/gmock.h>

#include "lab/knot.h"
#include "tests/e2e/fed_site.h"

namespace weir::e2e {
namespace {

using std::chrono::steady_clock;

const std::string kOne = "10.1.10.10", kTwo = "10.1.10.11", kThree = "10.1.10.12";

class DnsPool : public FedSiteTest {
  protected:
    void SetUp() override {
        FedSiteTest::SetUp();
        if (IsSkipped()) return;
        if (auto why = lab::Knot::why_not(); !why.empty()) GTEST_SKIP() << why;
        knot_.emplace(site_->balancer(), std::vector<std::string>{"10.1.10.100@53"},
                      std::map<std::string, std::string>{{"example.org", ""}});
    }
    void tell(const std::string& records) { knot_->set("example.org", records); }
    static std::string web(const std::vector<std::string>& addresses) {
        std::string all;
        for (const auto& address : addresses) all += "web 1 A " + address + "\n";
        return all;
    }
    void ask_for(const std::string& name, const std::string& type) {
        start(fmt::format("dns: {{name: {}.example.org, type: {}, servers: [10.1.10.100], timeout: 200ms}}",
                          name, type));
    }

    std::optional<lab::Knot> knot_;
};

TEST_F(DnsPool, FollowsItsNameAndKeepsItsBackendsWhileNobodyAnswers) {
    tell(web({kOne, kTwo}));
    ask_for("web", "a");
    ASSERT_TRUE(become({kOne, kTwo}));
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    EXPECT_TRUE(is("ok"));

    auto since = steady_clock::now();
    tell(web({kTwo, kThree}));
    ASSERT_TRUE(become({kTwo, kThree}));
    print_span("from Knot's new zone to the plan in force, with a TTL of 1 s", since);
    ASSERT_TRUE(site_->await(kThree, "up"));

    knot_->kill();
    ASSERT_TRUE(fails_with("it cannot be reached"));
    EXPECT_EQ(backends(), (Addresses{kTwo, kThree}));
    knot_->start();
    ASSERT_TRUE(is("ok"));

    tell("other A " + kOne);
    ASSERT_TRUE(is_held_back());
    EXPECT_EQ(backends(), (Addresses{kTwo, kThree})) << "a name that is gone does not empty a pool";
    tell(web({kOne}));
    ASSERT_TRUE(become({kOne}));
}

TEST_F(DnsPool, LeavesOutWhatIsNoBackendsAddress) {
    tell(web({kOne, kTwo}));
    ask_for("web", "a");
    ASSERT_TRUE(become({kOne, kTwo}));
    tell(web({kOne, "127.0.0.1", kTwo, "224.0.0.1", "0.0.0.0"}));
    ASSERT_TRUE(refuses({"web.example.org: 127.0.0.1 is not the address of a backend", ": 224.0.0.1 is not",
                         ": 0.0.0.0 is not"}));
    EXPECT_TRUE(is("ok"));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    tell(web({kTwo, "255.255.255.255"}));
    ASSERT_TRUE(become({kTwo})) << "garbage does not hold back what is good";
    tell(web({"0.0.0.0"}));
    ASSERT_TRUE(fails_with("web.example.org: 0.0.0.0 is not the address of a backend"));
    EXPECT_EQ(backends(), Addresses{kTwo});
    EXPECT_TRUE(served_by({"backend-2"}));
    tell(web({kThree}));
    ASSERT_TRUE(become({kThree}));
    EXPECT_TRUE(is("ok"));
}

TEST_F(DnsPool, LeavesOutServicesThatLeadNowhere) {
    const std::string hosts = "one 1 A 10.1.10.10\ntwo 1 A 10.1.10.11\nmany 1 A 224.0.0.1\n";
    tell(hosts + "_web._tcp 1 SRV 0 1 80 one\n_web._tcp 1 SRV 0 1 80 two\n");
    ask_for("_web._tcp", "srv");
    ASSERT_TRUE(become({kOne, kTwo}));
    tell(hosts +
         "_web._tcp 1 SRV 0 1 80 one\n_web._tcp 1 SRV 0 1 80 gone\n_web._tcp 1 SRV 0 1 0 one\n"
         "_web._tcp 1 SRV 0 1 80 two\n_web._tcp 1 SRV 0 1 80 many\n");
    ASSERT_TRUE(refuses({"gone.example.org:80: it has no address", "one.example.org:0: 0 is no port",
                         "many.example.org:80: 224.0.0.1 is not the address of a backend"}));
    EXPECT_TRUE(is("ok"));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    tell(hosts + "_web._tcp 1 SRV 0 1 80 gone\n");
    ASSERT_TRUE(fails_with("_web._tcp.example.org: gone.example.org:80: it has no address"));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    tell(hosts + "_web._tcp 1 SRV 0 1 80 two\n");
    ASSERT_TRUE(become({kTwo}));
    EXPECT_TRUE(is("ok"));
}

}  // namespace
}  // namespace weir::e2e
