#include "control/flow.h"

#include <gmock/gmock.h>

namespace weir::control {
namespace {

using testing::StartsWith;

TEST(ReadFlow, TakesPortsWhereTheProtocolHasThem) {
    auto flow = read_flow("198.51.100.7:40000", "192.0.2.1:80", "");
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->source.text(), "198.51.100.7:40000");
    EXPECT_EQ(flow->frontend.text(), "192.0.2.1:80/tcp");
    EXPECT_EQ(read_flow("[2001:db8::7]:1", "[2001:db8::1]:2", "sctp")->frontend.text(),
              "[2001:db8::1]:2/sctp");
}

TEST(ReadFlow, TakesAddressesAloneWhereItHasNone) {
    auto flow = read_flow("2001:db8::7", "2001:db8::1", "icmpv6");
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->source.port, net::Port(0));
    EXPECT_EQ(flow->frontend.protocol, model::Protocol::icmpv6);
    EXPECT_EQ(static_cast<int>(read_flow("192.0.2.7", "192.0.2.1", "253")->frontend.protocol), 253);
}

TEST(ReadFlow, SaysWhatIsWanted) {
    auto refusal = [](auto... words) { return read_flow(words...).error().message; };
    EXPECT_THAT(refusal("192.0.2.7", "192.0.2.1:80", "tcp"), StartsWith("src: "));
    EXPECT_THAT(refusal("192.0.2.7:1", "192.0.2.1", "udp"), StartsWith("vip: "));
    EXPECT_THAT(refusal("192.0.2.7:1", "192.0.2.1:80", "gre"), testing::HasSubstr("has no ports"));
    EXPECT_THAT(refusal("192.0.2.7:1", "192.0.2.1:80", "tpc"),
                StartsWith("protocol: 'tpc' is not a protocol"));
    EXPECT_THAT(refusal("192.0.2.7:1", "192.0.2.1:80", "any"), StartsWith("protocol: "));
    EXPECT_EQ(refusal("192.0.2.7:1", "[::1]:80", "tcp"), "src and vip must be of one address family");
}

}  // namespace
}  // namespace weir::control
