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
    EXPECT_EQ(read_connection("UDP [2001:0db8:0000:0000:0000:0000:0000:0009] 9C40 "
                              "[2001:0db8:0000:0000:0000:0000:0000:0001] 0035 "
                              "[2001:0db8:0010:0000:0000:0000:0000:0002] 0035 UDP             297"),
              (Connection{IPPROTO_UDP, at("[2001:db8::9]:40000"), at("[2001:db8::1]:53"),
                          at("[2001:db8:10::2]:53")}));
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
