// The shared topology, seen with real traffic and without a balancer. Needs root.
#include "lab/dsr.h"

#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "lab/nginx.h"
#include "lab/tcp.h"

namespace weir::lab {
namespace {

class DsrTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        if (const std::string why = Nginx::why_not(); !why.empty()) GTEST_SKIP() << why;
    }
};

constexpr const char* kVip4Http = "192.168.101.1:80";
constexpr const char* kVip6Http = "[2001:db8:101::1]:80";

/// What a balancer does, done by a route: the client's way to the VIP leads to one backend.
void route_to(Dsr& dsr, size_t i) {
    dsr.client().add_route("192.168.101.1/32", Dsr::address4(i));
    dsr.client().add_route("2001:db8:101::1/128", Dsr::address6(i));
}

TEST_F(DsrTest, EachBackendAnswersForTheVipAndOnItsOwnAddress) {
    Dsr dsr;
    Nginx first(dsr.backend(0), "backend-1");
    Nginx third(dsr.backend(2), "backend-3");
    EXPECT_FALSE(http_get(dsr.client(), endpoint(kVip4Http), "/", 100ms)) << "nobody balances yet";
    route_to(dsr, 2);
    EXPECT_EQ(http_get(dsr.client(), endpoint(kVip4Http)), "backend-3");
    EXPECT_EQ(http_get(dsr.client(), endpoint(kVip6Http)), "backend-3");
    EXPECT_EQ(http_get(dsr.balancer(), endpoint("10.1.10.10:80")), "backend-1");
    EXPECT_EQ(http_get(dsr.balancer(), endpoint("[2001:db8:10::10]:80"), "/alive"), "alive");
    EXPECT_EQ(http_get(dsr.client(), endpoint(kVip4Http), "/big")->size(), 16u << 20);
}

TEST_F(DsrTest, AVipCanBeTakenFromOneBackend) {
    Dsr dsr;
    Nginx server(dsr.backend(0), "backend-1");
    route_to(dsr, 0);
    ASSERT_TRUE(http_get(dsr.client(), endpoint(kVip4Http)));
    dsr.with_vip(0, false);
    EXPECT_FALSE(http_get(dsr.client(), endpoint(kVip4Http), "/", 100ms));
    EXPECT_TRUE(http_get(dsr.client(), endpoint("10.1.10.10:80")));
    dsr.with_vip(0, true);
    EXPECT_TRUE(http_get(dsr.client(), endpoint(kVip6Http)));
}

TEST_F(DsrTest, NoHostAnswersArpForTheVip) {
    Dsr dsr({.backends = 1});
    dsr.client().add_address(Dsr::kInterface, "192.168.101.2/25");  // makes the VIP a neighbour
    dsr.backend(0).add_address(Dsr::kInterface, "192.168.101.3/25");
    Nginx server(dsr.backend(0), "backend-1");
    EXPECT_FALSE(http_get(dsr.client(), endpoint(kVip4Http), "/", 200ms));
}

TEST_F(DsrTest, APulledCableSilencesABackend) {
    Dsr dsr({.ipv6 = false, .native = false});
    Nginx server(dsr.backend(0), "backend-1");
    dsr.cable(0, false);
    EXPECT_FALSE(http_get(dsr.client(), endpoint("10.1.10.10:80"), "/", 100ms));
    dsr.cable(0, true);
    EXPECT_TRUE(http_get(dsr.client(), endpoint("10.1.10.10:80")));
}

TEST_F(DsrTest, AKilledServerRefusesAndComesBack) {
    Dsr dsr({.backends = 1});
    Nginx server(dsr.backend(0), "backend-1");
    server.kill();
    EXPECT_FALSE(http_get(dsr.client(), endpoint("10.1.10.10:80")));
    server.start();
    EXPECT_EQ(http_get(dsr.client(), endpoint("10.1.10.10:80")), "backend-1");
}

/// XDP_ATTACHED_DRV, …_SKB, …_NONE.
unsigned attached_mode(Host& host, const std::string& ifname) {
    LIBBPF_OPTS(bpf_xdp_query_opts, about);
    const int index = static_cast<int>(host.index(ifname));
    check_nl(host.run([&] { return bpf_xdp_query(index, 0, &about); }), "cannot ask for the XDP of {}",
             ifname);
    return about.attach_mode;
}

TEST_F(DsrTest, SwitchPortsCarryXdpNativelyWhenAsked) {
    Dsr native({.lab = "native", .backends = 1});
    Host& ports = native.lab().host("switch");
    for (const char* port : {"client", "balancer", "backend-1"})
        EXPECT_EQ(attached_mode(ports, port), XDP_ATTACHED_DRV);
    Dsr generic({.lab = "generic", .backends = 1, .native = false});
    EXPECT_EQ(attached_mode(generic.lab().host("switch"), "balancer"), XDP_ATTACHED_NONE);
    {
        XdpPass pass(generic.balancer(), Dsr::kInterface);
        EXPECT_EQ(attached_mode(generic.balancer(), Dsr::kInterface), XDP_ATTACHED_DRV);
    }
    EXPECT_EQ(attached_mode(generic.balancer(), Dsr::kInterface), XDP_ATTACHED_NONE);
}

}  // namespace
}  // namespace weir::lab
