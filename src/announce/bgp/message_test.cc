#include "announce/bgp/message.h"

#include <gmock/gmock.h>

#include "announce/bgp/golden.h"

namespace weir::announce::bgp {
namespace {

using testing::HasSubstr;

Decoded<Message> read(const Bytes& bytes) {
    return read_message(bytes, {});
}

Notification refused(const Bytes& bytes) {
    auto message = read(bytes);
    if (message) return {};
    EXPECT_NE(message.error().why, "");
    return message.error().notification;
}

TEST(BgpMessage, WritesAKeepaliveAsTheRfcHasIt) {
    EXPECT_EQ(keepalive(), golden("0013 04"));
    EXPECT_EQ(read(keepalive()), Message(Keepalive{}));
}

TEST(BgpMessage, RefusesWhatIsNotSynchronized) {
    auto bytes = keepalive();
    bytes[15] = 0xfe;
    EXPECT_EQ(refused(bytes), (Notification{ErrorCode::header, 1, {}}));
}

TEST(BgpMessage, ShowsTheLengthThatItRefuses) {
    EXPECT_EQ(refused(golden("0012 04")), (Notification{ErrorCode::header, 2, hex("0012")})) << "no header";
    EXPECT_EQ(refused(golden("1001 02")), (Notification{ErrorCode::header, 2, hex("1001")})) << "over 4096";
    EXPECT_EQ(refused(golden("001c 01")), (Notification{ErrorCode::header, 2, hex("001c")})) << "OPEN";
    EXPECT_EQ(refused(golden("0016 02")), (Notification{ErrorCode::header, 2, hex("0016")})) << "UPDATE";
    EXPECT_EQ(refused(golden("0014 03")), (Notification{ErrorCode::header, 2, hex("0014")}))
        << "NOTIFICATION";
    EXPECT_EQ(refused(golden("0014 04 00")), (Notification{ErrorCode::header, 2, hex("0014")}))
        << "KEEPALIVE";
}

TEST(BgpMessage, ShowsTheTypeThatItRefuses) {
    EXPECT_EQ(refused(golden("0013 00")), (Notification{ErrorCode::header, 3, hex("00")}));
    EXPECT_EQ(refused(golden("0013 06")), (Notification{ErrorCode::header, 3, hex("06")}));
}

TEST(BgpMessage, WritesAndReadsRouteRefresh) {
    auto bytes = golden("0017 05 0002 00 01");
    EXPECT_EQ(refresh(net::Family::v6, Refresh::Kind::request), bytes);
    EXPECT_EQ(read(bytes), Message(Refresh{net::Family::v6, 0}));
    EXPECT_EQ(refresh(net::Family::v4, Refresh::Kind::end), golden("0017 05 0001 02 01"));
    EXPECT_EQ(read(golden("0017 05 0001 00 80")), Message(Refresh{std::nullopt, 0})) << "VPN: has it not";
}

TEST(BgpMessage, ShowsTheWholeOfARouteRefreshThatHasAnotherLength) {
    auto bytes = golden("0018 05 0001 00 01 07");
    EXPECT_EQ(refused(bytes), (Notification{ErrorCode::route_refresh, 1, bytes}));
}

TEST(BgpNotification, IsWrittenAndReadAsItIs) {
    Notification notification{ErrorCode::open, open_error::kPeerAs, hex("fdea")};
    EXPECT_EQ(write(notification), golden("0017 03 02 02 fdea"));
    EXPECT_EQ(read(write(notification)), Message(notification));
}

TEST(BgpNotification, CarriesATextForThePeersOperator) {
    auto notification = cease_with_text(cease::kShutdown, "bye");
    EXPECT_EQ(write(notification), golden("0019 03 06 02 03 627965"));
    EXPECT_EQ(describe(notification), "cease, administrative shutdown: \"bye\"");
    EXPECT_EQ(write(cease_with_text(cease::kShutdown, "")), golden("0015 03 06 02"));
}

TEST(BgpNotification, CutsATextBetweenCharacters) {
    std::string text(254, 'x');
    text += "\u00e9";  // two bytes, of which one would fit
    auto notification = cease_with_text(cease::kShutdown, text);
    EXPECT_EQ(notification.data.size(), 255u);
    EXPECT_EQ(notification.data[0], 254);
}

TEST(BgpNotification, SaysNothingToATerminalThatThePeerMadeUp) {
    Notification notification{ErrorCode::cease, cease::kShutdown, hex("04 1b5b 326a")};
    EXPECT_EQ(describe(notification), "cease, administrative shutdown: \"?[2j\"");
    notification.data = hex("50 6869");  // says that it is longer
    EXPECT_EQ(describe(notification), "cease, administrative shutdown");
}

TEST(BgpNotification, HasWordsForEveryError) {
    EXPECT_EQ(describe({ErrorCode::open, open_error::kPeerAs}), "OPEN error, bad peer AS");
    EXPECT_EQ(describe({ErrorCode::hold_timer, 0}), "hold timer expired");
    EXPECT_EQ(describe({ErrorCode::cease, 77}), "cease, subcode 77");
    EXPECT_EQ(describe({static_cast<ErrorCode>(99), 3}), "error 99, subcode 3");
    EXPECT_THAT(std::string(advice({ErrorCode::open, open_error::kPeerAs})), HasSubstr("asn:"));
}

}  // namespace
}  // namespace weir::announce::bgp
