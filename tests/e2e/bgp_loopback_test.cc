// A router on the balancer itself speaks to the network's, and weir to that one: with the files of examples/.
#include <gmock/gmock.h>

#include "tests/e2e/bgp_fixture.h"

namespace weir::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string example(const std::string& name) {
    return lab::read_file(std::string(WEIR_SOURCE_DIR "/examples/") + name);
}

class BgpLoopback : public BgpTest {
  protected:
    void SetUp() override {
        BgpTest::SetUp();
        if (IsSkipped()) return;
        upstream_.emplace(site_->client(), "10.1.10.1", R"(
            protocol kernel { ipv4 { export all; }; }
            protocol kernel { ipv6 { export all; }; }
            protocol bgp balancer {
                local 10.1.10.1 as 65001; neighbor 10.1.10.100 as 65000; connect delay time 1; connect retry time 1; error wait time 1, 2;
                ipv4 { import all; export none; };
                ipv6 { import all; export none; };
            })");
    }
    std::string route(const char* vip) { return upstream_->ask({"show", "route", "all", "for", vip}); }
    void expect_vips(const std::function<std::string()>& of_local_router) {
        site_->run(example("bgp-loopback.yaml"));
        ASSERT_TRUE(await_said([&] { return route(kVip4); }, "BGP.community: (65000,100)"))
            << site_->daemon().log() << site_->weir({"bgp"}).out << of_local_router();
        EXPECT_THAT(route(kVip4),
                    AllOf(HasSubstr("BGP.next_hop: 10.1.10.100\n"), HasSubstr("BGP.as_path: 65000\n")));
        EXPECT_TRUE(await_said([&] { return route(kVip6); }, "BGP.next_hop: 2001:db8:10::100"))
            << route(kVip6) << of_local_router();
        EXPECT_TRUE(lab::wait_until([&] { return serves(kVip4); }, kSoon));
        EXPECT_TRUE(lab::wait_until([&] { return serves(fmt::format("[{}]", kVip6)); }, kSoon));

        ASSERT_EQ(site_->weir({"disable", "10.1.10.10"}).status, 0);
        EXPECT_TRUE(await_said([&] { return route(kVip4); }, "Network not found"));
        ASSERT_EQ(site_->weir({"lift", "10.1.10.10"}).status, 0);
        EXPECT_TRUE(await_said([&] { return route(kVip4); }, "BGP.next_hop"));
    }

    std::optional<lab::Bird> upstream_;
};

TEST_F(BgpLoopback, TellsTheNetworkByBirdOnTheBalancer) {
    lab::Bird bird(site_->balancer(), example("bird.conf"));
    expect_vips([&] { return bird.log() + bird.ask({"show", "protocols", "all"}); });
}

TEST_F(BgpLoopback, TellsTheNetworkByFrrOnTheBalancer) {
    Frr frr(site_->balancer(), example("frr.conf"), Frr::Daemons::all);
    expect_vips([&] {
        return frr.ask("show bgp summary") + frr.ask("show bgp ipv4 unicast") + frr.ask("show bgp nexthop");
    });
}

}  // namespace
}  // namespace weir::e2e
