#include "engine/ipvs/connection_table.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "engine/ipvs/plan_fixture.h"

namespace weir::engine::ipvs {
namespace {

TEST(IpvsConnections, ReadsALineOfTheKernels) {
    EXPECT_EQ(read_connection("TCP C0000201 9C40 C0A86501 0050 0A000002 1F90 ESTABLISHED     897"),
              (Connection{IPPROTO_TCP, at("192.0.2.1:40000"), at("192.168.101.1:80"), at("10.0.0.2:8080")}));
}

TEST(IpvsConnections, ReadsIpv6) {
    EXPECT_EQ(read_connection("TCP 2001:0db8:0001:0000:0000:0000:0000:0001 E440 "
                              "2001:0db8:0000:0000:0000:0000:0000:0100 0050 "
                              "2001:0db8:0010:0000:0000:0000:0000:0011 0050 FIN_WAIT        117"),
              (Connection{IPPROTO_TCP, at("[2001:db8:1::1]:58432"), at("[2001:db8::100]:80"),
                          at("[2001:db8:10::11]:80")}));
}

TEST(IpvsConnections, MakesNothingOfTheHeadline) {
    EXPECT_FALSE(
        read_connection("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData"));
    EXPECT_FALSE(read_connection(""));
    EXPECT_FALSE(read_connection("TCP C0000201 9C40 C0A86501 0050 0A000002"));
    EXPECT_FALSE(read_connection("TCP C00002 9C40 C0A86501 0050 0A000002 1F90 NONE 1"));
}

}  // namespace
}  // namespace weir::engine::ipvs
