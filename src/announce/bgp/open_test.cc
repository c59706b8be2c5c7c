#include "announce/bgp/open.h"

#include <gtest/gtest.h>

#include "announce/bgp/golden.h"

namespace weir::announce::bgp {
namespace {

using net::Family;

Open everything() {
    Open open{.asn = 4200000000, .hold_time = 9, .router_id = 0x0a010a64};
    open.capabilities = {
        .families = {Family::v4, Family::v6},
        .route_refresh = true,
        .enhanced_refresh = true,
        .v4_over_v6 = true,
        .asn = 4200000000,
        .graceful_restart = GracefulRestart{true, 120, {{Family::v4, true}, {Family::v6, true}}}};
    return open;
}

/// A body with these optional parameters.
Bytes body(std::string_view parameters) {
    auto bytes = hex("04 fde9 005a 0a010a01");
    auto more = hex(parameters);
    bytes.push_back(static_cast<uint8_t>(more.size()));
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
}

Notification refused(const Bytes& bytes) {
    auto open = read_open(bytes);
    if (open) return {};
    EXPECT_NE(open.error().why, "");
    return open.error().notification;
}

TEST(BgpOpen, IsWrittenAsTheRfcsHaveIt) {
    EXPECT_EQ(write(everything()), golden("0049 01"
                                          "04 5ba0 0009 0a010a64"  // AS_TRANS
                                          "2c 02 2a"
                                          "01 04 0001 00 01  01 04 0002 00 01"
                                          "02 00"
                                          "05 06 0001 0001 0002"
                                          "40 0a 8078 0001 01 80 0002 01 80"
                                          "41 04 fa56ea00"
                                          "46 00"));
}

TEST(BgpOpen, IsReadAsItWasWritten) {
    auto bytes = write(everything());
    EXPECT_EQ(read_open(std::span(bytes).subspan(kHeaderSize)), everything());
}

/// RFC 7607.
TEST(BgpOpen, IsNotOfAs0InEitherPlace) {
    auto bytes = body("02 06 41 04 0000fde9");
    EXPECT_TRUE(read_open(bytes));
    EXPECT_EQ(refused(body("02 06 41 04 00000000")),
              (Notification{ErrorCode::open, open_error::kPeerAs, {}}));
    bytes[1] = bytes[2] = 0;
    EXPECT_EQ(refused(bytes), (Notification{ErrorCode::open, open_error::kPeerAs, {}}));
}

TEST(BgpOpen, OfAPeerWithoutCapabilitiesIsIpv4Alone) {
    auto open = read_open(body(""));
    ASSERT_TRUE(open);
    EXPECT_EQ(open->asn, 65001u);
    EXPECT_EQ(open->hold_time, 90);
    EXPECT_EQ(open->router_id, 0x0a010a01u);
    EXPECT_EQ(open->capabilities, Capabilities{.families = {Family::v4}});
}

TEST(BgpOpen, PassesOverWhatItDoesNotKnow) {
    auto open =
        read_open(body("02 0d 43 03 010203 01 04 0002 00 80 80"
                       "00"));  // an unknown code, a VPN family, an old code
    ASSERT_TRUE(open) << open.error().why;
    EXPECT_EQ(open->capabilities, Capabilities{}) << "it names families, and none of ours";
}

TEST(BgpOpen, MayHaveAParameterForEachCapability) {
    auto open = read_open(body("02 02 02 00  02 06 41 04 00000007"));
    ASSERT_TRUE(open);
    EXPECT_TRUE(open->capabilities.route_refresh);
    EXPECT_EQ(open->asn, 7u);
}

TEST(BgpOpen, MayHaveParametersOfExtendedLength) {
    auto bytes = hex("04 fde9 005a 0a010a01 ff ff 0005 02 0002 02 00");
    auto open = read_open(bytes);
    ASSERT_TRUE(open) << open.error().why;
    EXPECT_TRUE(open->capabilities.route_refresh);
}

TEST(BgpOpen, IsRefusedWithTheVersionThatWouldDo) {
    auto bytes = body("");
    bytes[0] = 3;
    EXPECT_EQ(refused(bytes), (Notification{ErrorCode::open, 1, hex("0004")}));
}

TEST(BgpOpen, IsRefusedForValuesThatNobodyMayHave) {
    EXPECT_EQ(refused(hex("04 0000 005a 0a010a01 00")), (Notification{ErrorCode::open, 2, {}})) << "AS 0";
    EXPECT_EQ(refused(hex("04 fde9 0002 0a010a01 00")), (Notification{ErrorCode::open, 6, {}})) << "hold 2 s";
    EXPECT_EQ(refused(hex("04 fde9 005a 00000000 00")), (Notification{ErrorCode::open, 3, {}})) << "id 0";
    EXPECT_EQ(refused(body("01 01 00")), (Notification{ErrorCode::open, 4, {}})) << "authentication";
    EXPECT_TRUE(read_open(hex("04 fde9 0000 0a010a01 00"))) << "hold time 0 is for ever";
}

TEST(BgpOpen, IsRefusedWhereLengthsDisagree) {
    const Notification unspecific{ErrorCode::open, 0, {}};
    for (auto parameters :
         {"02 03 02 00", "02 02 02 01", "02", "02 03 41 01 07", "02 04 40 02 8078 02", "02 05 40 03 8078 00",
          "02 04 05 02 0001", "02 05 01 03 0001 00", "02 03 02 01 00"})
        EXPECT_EQ(refused(body(parameters)), unspecific) << parameters;
    auto longer = body("02 02 02 00");
    longer.push_back(0);
    EXPECT_EQ(refused(longer), unspecific);
    EXPECT_EQ(refused(hex("04 fde9 005a 0a010a01 ff ff 00")), unspecific);
}

}  // namespace
}  // namespace weir::announce::bgp
