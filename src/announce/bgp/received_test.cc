#include "announce/bgp/received.h"

#include <gmock/gmock.h>

#include "announce/bgp/golden.h"
#include "net/writer.h"

namespace weir::announce::bgp {
namespace {

// Of a route that has all it needs.
constexpr auto kOrigin = "40 01 01 00", kPath = "40 02 06 02 01 0000fde9", kNextHop = "40 03 04 0a010a01";
constexpr auto kReach6 = "80 0e 16 0002 01 10 20010db8000000000000000000000001 00 00";

/// A body out of withdrawn routes, attributes and routes.
Bytes body(std::string_view withdrawn, const std::string& attributes, std::string_view routes) {
    auto gone = hex(withdrawn), between = hex(attributes), come = hex(routes);
    net::Writer out;
    out.u16(static_cast<unsigned>(gone.size())).bytes(gone);
    out.u16(static_cast<unsigned>(between.size())).bytes(between).bytes(come);
    return out.take();
}

/// One route with the mandatory attributes and this one.
Received with(const std::string& attribute, const Dialect& dialect = {}) {
    auto received =
        read_update(body("", fmt::format("{}{}{}{}", kOrigin, kPath, kNextHop, attribute), "08 0a"), dialect);
    EXPECT_TRUE(received) << attribute << ": " << received.error().why;
    return received.value_or(Received{});
}

Notification refused(const Bytes& bytes, const Dialect& dialect = {}) {
    auto received = read_update(bytes, dialect);
    if (received) return {};
    EXPECT_NE(received.error().why, "");
    return received.error().notification;
}

TEST(BgpReceived, CountsWhatComesAndGoes) {
    auto received = read_update(
        body("08 0b 00", fmt::format("{}{}{}", kOrigin, kPath, kNextHop), "08 0a 20 01020304 19 01020380"),
        {});
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, (Received{.announced = 3, .withdrawn = 2}));
}

TEST(BgpReceived, CountsIpv6AsWell) {
    auto received = read_update(body("", fmt::format("{}{}{}", kReach6, kOrigin, kPath), ""), {});
    ASSERT_TRUE(received) << received.error().why;
    EXPECT_EQ(*received, (Received{.announced = 1}));
    received = read_update(body("", "80 0f 05 0002 01 08 20", ""), {});
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, (Received{.withdrawn = 1}));
}

TEST(BgpReceived, PassesOverFamiliesThatItDoesNotHave) {
    auto received = read_update(body("", "80 0e 05 0001 80 00 00", ""), {});
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, Received{});
}

TEST(BgpReceived, TreatsAsWithdrawnWhatCannotBeUsed) {
    for (std::string attribute : {
             "40 04 04 00000001",            // MED with the flags of a well-known one
             "80 04 03 000001",              // of three bytes
             "c0 08 06 fde80064 0001",       // communities
             "c0 08 00",                     // none
             "c0 20 08 0000000000000000",    // large communities
             "c0 10 09 000000000000000000",  // extended ones
             "80 06 00",                     // ATOMIC_AGGREGATE with the flags of an optional one
             "c0 08 ff 00",                  // longer than all attributes
             "c0",                           // cut
         }) {
        auto received = with(attribute);
        EXPECT_EQ(received.treatment, Treatment::treat_as_withdraw) << attribute;
        EXPECT_NE(received.fault, "") << attribute;
        EXPECT_EQ(received.announced, 0u) << attribute;
        EXPECT_EQ(received.withdrawn, 1u) << attribute;
    }
}

TEST(BgpReceived, TreatsAsWithdrawnWhatOtherFamiliesSayWithTheWrongFlags) {
    auto transitive = "c" + std::string(kReach6).substr(1);
    auto received = read_update(body("", fmt::format("{}{}{}", transitive, kOrigin, kPath), ""), {});
    ASSERT_TRUE(received) << received.error().why;
    EXPECT_EQ(*received, (Received{.withdrawn = 1,
                                   .treatment = Treatment::treat_as_withdraw,
                                   .fault = "MP_REACH_NLRI has the flags 0xc0"}));
    received = read_update(body("", "40 0f 05 0002 01 08 20", ""), {});
    ASSERT_TRUE(received);
    EXPECT_EQ(received->fault, "MP_UNREACH_NLRI has the flags 0x40");
}

TEST(BgpReceived, DiscardsAttributesThatItCanDoWithout) {
    for (std::string attribute : {
             "40 06 01 00",                       // ATOMIC_AGGREGATE with a value
             "c0 07 06 fde8 0a000001",            // AGGREGATOR of two bytes from a peer that has four
             "40 05 04 00000064",                 // LOCAL_PREF from another AS
             "40 05 01 64",                       // even a wrong one
             "80 09 04 0a000001",                 // ORIGINATOR_ID from another AS
             "c0 07 08 00000000 0a000001",        // AGGREGATOR of AS 0
             "c0 11 0a 02 02 fa56ea00 0000fde9",  // AS4_PATH from a peer that has four bytes
             "c0 12 08 fa56ea00 0a000001",        // AS4_AGGREGATOR from such a one
             "40 01 01 01",                       // ORIGIN again
         }) {
        auto received = with(attribute);
        EXPECT_EQ(received.treatment, Treatment::discard_attribute) << attribute;
        EXPECT_NE(received.fault, "") << attribute;
        EXPECT_EQ(received.announced, 1u) << attribute;
    }
}

TEST(BgpReceived, TakesWhatIsRight) {
    for (std::string attribute : {"80 04 04 00000001", "c0 08 04 fde80064", "40 06 00",
                                  "c0 07 08 0000fde8 0a000001", "c0 20 0c 000000000000000000000000",
                                  "c0 10 08 0000000000000000", "e0 63 01 07", "90 04 0004 00000001"}) {
        auto received = with(attribute);
        EXPECT_EQ(received.fault, "") << attribute;
        EXPECT_EQ(received.announced, 1u) << attribute;
    }
}

TEST(BgpReceived, WantsTheMandatoryAttributes) {
    std::pair<std::string, std::string> rows[] = {
        {fmt::format("{}{}", kPath, kNextHop), "ORIGIN is missing"},
        {fmt::format("{}{}", kOrigin, kNextHop), "AS_PATH is missing"},
        {fmt::format("{}{}", kOrigin, kPath), "NEXT_HOP is missing"},
        {fmt::format("40 01 01 03 {}{}", kPath, kNextHop), "ORIGIN is malformed"},
        {fmt::format("{} 40 02 05 02 01 0000fd {}", kOrigin, kNextHop), "AS_PATH is malformed"},
        {fmt::format("{} 40 02 02 02 00 {}", kOrigin, kNextHop), "AS_PATH is malformed"},
        {fmt::format("{} 40 02 06 09 01 0000fde9 {}", kOrigin, kNextHop), "AS_PATH is malformed"},
        {fmt::format("{}{} 40 03 03 0a010a", kOrigin, kPath), "NEXT_HOP is malformed"}};
    for (const auto& [attributes, fault] : rows) {
        auto received = read_update(body("", attributes, "08 0a"), {});
        ASSERT_TRUE(received) << fault;
        EXPECT_EQ(received->fault, fault);
        EXPECT_EQ(received->treatment, Treatment::treat_as_withdraw);
        EXPECT_EQ(received->withdrawn, 1u);
    }
    EXPECT_EQ(with("", {.external = false}).fault, "LOCAL_PREF is missing");
    EXPECT_EQ(with("40 05 04 00000064", {.external = false}).fault, "");
    EXPECT_EQ(with("40 05 03 000064", {.external = false}).treatment, Treatment::treat_as_withdraw);
}

TEST(BgpReceived, KnowsThePathOfAPeerWithTwoByteAsns) {
    auto attributes = fmt::format("{} 40 02 04 02 01 fde9 {}", kOrigin, kNextHop);
    EXPECT_EQ(read_update(body("", attributes, "08 0a"), {.four_byte_asn = false})->fault, "");
    EXPECT_EQ(read_update(body("", attributes, "08 0a"), {})->fault, "AS_PATH is malformed");
}

TEST(BgpReceived, DiscardsWhatAPeerWithTwoByteAsnsHidesWrongly) {
    Dialect old{.four_byte_asn = false};
    auto with_hidden = [&](const std::string& attribute) {
        auto attributes = fmt::format("{} 40 02 04 02 01 fde9 {} {}", kOrigin, kNextHop, attribute);
        return read_update(body("", attributes, "08 0a"), old).value_or(Received{});
    };
    EXPECT_EQ(with_hidden("c0 11 06 02 01 fa56ea00"), (Received{.announced = 1}));
    EXPECT_EQ(with_hidden("c0 11 06 03 01 fa56ea00"), (Received{.announced = 1})) << "of a confederation";
    EXPECT_EQ(with_hidden("c0 12 08 fa56ea00 0a000001"), (Received{.announced = 1}));
    for (std::string attribute : {
             "c0 11 00",                    // no path
             "c0 11 06 02 01 00000000",     // AS 0
             "c0 11 05 02 01 fa56ea",       // cut
             "c0 12 08 00000000 0a000001",  // AS 0
         }) {
        auto received = with_hidden(attribute);
        EXPECT_EQ(received.treatment, Treatment::discard_attribute) << attribute;
        EXPECT_EQ(received.announced, 1u) << attribute;
    }
}

/// RFC 7607, and 5065 section 5.3.
TEST(BgpReceived, TakesNoPathThroughAs0OrOfAConfederation) {
    auto fault = [](std::string_view path, const Dialect& dialect) {
        auto attributes =
            fmt::format("{} {} {} {}", kOrigin, path, kNextHop, dialect.external ? "" : "40 05 04 00000064");
        return read_update(body("", attributes, "08 0a"), dialect).value_or(Received{}).fault;
    };
    const Dialect external, internal{.external = false};
    EXPECT_EQ(fault("40 02 0a 02 02 0000fde9 00000000", external), "AS_PATH is malformed");
    EXPECT_EQ(fault("40 02 0a 01 02 00000000 0000fde9", external), "AS_PATH is malformed") << "in a set";
    EXPECT_EQ(fault("40 02 06 02 02 fde9 0000", {.four_byte_asn = false}), "AS_PATH is malformed");
    EXPECT_EQ(fault("40 02 0c 02 01 0000fde9 01 01 0000fdea", external), "");
    EXPECT_EQ(fault("40 02 06 03 01 0000fde9", external), "AS_PATH is malformed");
    EXPECT_EQ(fault("40 02 06 03 01 0000fde9", internal), "");
    EXPECT_EQ(fault("40 02 00", internal), "");
}

TEST(BgpReceived, PassesOverANextHopThatNoRouteHas) {
    auto attributes = fmt::format("{}{}{} 40 03 03 0a010a", kReach6, kOrigin, kPath);
    auto received = read_update(body("", attributes, ""), {});
    ASSERT_TRUE(received) << received.error().why;
    EXPECT_EQ(*received, (Received{.announced = 1}));
}

/// RFC 7606 section 5.2.
TEST(BgpReceived, EndsTheSessionWhereAFaultMayHaveHiddenRoutes) {
    for (std::string attributes : {"40 01 01 07", "80 0f 05 0002 01 08 20 40 01 01 07", "c0 08 ff 00", "c0"})
        EXPECT_EQ(refused(body("", attributes, "")), (Notification{ErrorCode::update, 1, {}})) << attributes;
    EXPECT_EQ(refused(body("08 0a", "40 01 01 07", "")), (Notification{ErrorCode::update, 1, {}}));
    // What only costs an attribute costs no session, nor does an attribute that is all right.
    for (std::string attributes : {"40 06 01 00", "40 01 01 00"})
        EXPECT_TRUE(read_update(body("", attributes, ""), {})) << attributes;
    auto foreign = read_update(body("", "80 0e 05 0001 80 00 00 40 01 01 07", ""), {});
    EXPECT_TRUE(foreign) << "there are routes, which weir cannot read";
    // One that is cut has lost its own routes.
    for (std::string attribute : {"80 0e 16 0002 01 10 2001", "80 0f 05 0002 01"}) {
        auto with_route = fmt::format("{}{}{}{}", kOrigin, kPath, kNextHop, attribute);
        EXPECT_EQ(refused(body("", with_route, "08 0a")), (Notification{ErrorCode::update, 9, {}}))
            << attribute;
    }
}

TEST(BgpReceived, EndsTheSessionWhereRoutesCannotBeFound) {
    EXPECT_EQ(refused(hex("0005 0000")), (Notification{ErrorCode::update, 1, {}})) << "lengths";
    EXPECT_EQ(refused(hex("0000 0001")), (Notification{ErrorCode::update, 1, {}})) << "lengths";
    EXPECT_EQ(refused(body("21 0102030405", "", "")), (Notification{ErrorCode::update, 10, {}})) << "/33";
    EXPECT_EQ(refused(body("", "", "20 010203")), (Notification{ErrorCode::update, 10, {}})) << "cut";
    auto twice = body("", "80 0f 03 0002 01 80 0f 03 0002 01", "");
    EXPECT_EQ(refused(twice), (Notification{ErrorCode::update, 1, {}})) << "MP_UNREACH_NLRI twice";
}

TEST(BgpReceived, EndsTheSessionForAnUnknownWellKnownAttribute) {
    EXPECT_EQ(refused(body("", "40 63 01 07", "")), (Notification{ErrorCode::update, 2, hex("40 63 01 07")}));
}

TEST(BgpReceived, EndsTheSessionForRoutesOfOtherFamiliesThatAreNone) {
    for (std::string attribute : {
             "80 0e 16 0002 01 10 20010db8000000000000000000000001 00 81",  // /129
             "80 0e 0b 0002 01 04 0a000001 00 00 00",                       // an IPv4 next hop
             "80 0e 04 0002 01 10",                                         // cut
             "80 0e 16 0001 01 10 20010db8000000000000000000000001 00 00",  // not agreed on
             "80 0f 04 0002 01 81",                                         // /129
             "80 0f 02 0002",                                               // cut
         }) {
        EXPECT_EQ(refused(body("", attribute, "")), (Notification{ErrorCode::update, 9, hex(attribute)}))
            << attribute;
    }
    auto v4_over_v6 = read_update(
        body("",
             fmt::format("{} {} 80 0e 16 0001 01 10 20010db8000000000000000000000001 00 00", kOrigin, kPath),
             ""),
        {.v4_over_v6 = true});
    ASSERT_TRUE(v4_over_v6);
    EXPECT_EQ(*v4_over_v6, (Received{.announced = 1}));
}

}  // namespace
}  // namespace weir::announce::bgp
