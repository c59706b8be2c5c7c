#include "engine/xdp/target_row.h"

#include <gmock/gmock.h>

namespace weir::engine::xdp {
namespace {

using model::ForwardKind;
using testing::HasSubstr;
using testing::Optional;

const net::Ip kBackend = net::Ip::v4({10, 8, 1, 1});

/// The way to a backend behind a gateway.
Hop routed() {
    return {.mac = {{2, 0, 0, 0, 0, 2}},
            .source_mac = {{2, 0, 0, 0, 0, 1}},
            .interface = 7,
            .mtu = 1400,
            .gateway = true,
            .source = net::Ip::v4({10, 0, 0, 1})};
}

model::Frontend frontend_of(ForwardKind kind) {
    model::Frontend frontend;
    frontend.key.vip = net::Ip::v4({192, 0, 2, 1});
    frontend.forward.kind = kind;
    return frontend;
}

weir_target row_of(ForwardKind kind, const Hop& hop) {
    return make_target(frontend_of(kind), 1, {{kBackend}, {true, ""}, model::Accepts::all}, &hop, false);
}

TEST(TargetRow, RefusesAGatewayForDirectServerReturnAlone) {
    EXPECT_THAT(why_not(frontend_of(ForwardKind::dsr), kBackend, routed()),
                Optional(HasSubstr("10.8.1.1 is behind a gateway")));
    EXPECT_EQ(why_not(frontend_of(ForwardKind::ipip), kBackend, routed()), std::nullopt);
    auto direct = routed();
    direct.gateway = false;
    EXPECT_EQ(why_not(frontend_of(ForwardKind::dsr), kBackend, direct), std::nullopt);
}

TEST(TargetRow, GivesNothingToABackendThatItRefuses) {
    EXPECT_EQ(row_of(ForwardKind::dsr, routed()).accepts, WEIR_ACCEPTS_NOTHING);
    EXPECT_EQ(row_of(ForwardKind::ipip, routed()).accepts, WEIR_ACCEPTS_ALL);
}

TEST(TargetRow, LeavesRoomForTheTunnelInTheMtuOfTheWay) {
    EXPECT_EQ(row_of(ForwardKind::ipip, routed()).room, 1380);
    EXPECT_EQ(row_of(ForwardKind::fou, routed()).room, 1372);
}

TEST(TargetRow, RefusesATunnelThatHasNoSource) {
    auto hop = routed();
    hop.source.reset();
    EXPECT_THAT(why_not(frontend_of(ForwardKind::ipip), kBackend, hop),
                Optional(HasSubstr("has no IPv4 address")));
    auto given = frontend_of(ForwardKind::ipip);
    given.forward.sources = {net::only(net::Ip::v4({192, 0, 2, 7}))};
    EXPECT_EQ(why_not(given, kBackend, hop), std::nullopt);
}

TEST(TargetRow, RefusesABackendOfAnotherFamilyWhereTheHeaderIsRewritten) {
    const net::Ip backend = *net::Ip::parse("2001:db8::1");
    Hop hop = routed();
    hop.source = *net::Ip::parse("2001:db8::2");
    for (auto kind : {ForwardKind::nat, ForwardKind::dscp}) {
        EXPECT_THAT(why_not(frontend_of(kind), backend, hop),
                    Optional(HasSubstr("2001:db8::1 is of another family than the VIP 192.0.2.1")));
        EXPECT_EQ(why_not(frontend_of(kind), kBackend, hop), std::nullopt);
    }
    EXPECT_EQ(why_not(frontend_of(ForwardKind::ipip), backend, hop), std::nullopt);
}

TEST(TargetRow, TellsTheNextDaemonTheMtuOfAWayWithoutATunnel) {
    Hop direct = routed();
    direct.gateway = false;
    direct.mtu = 9000;
    for (auto kind : {ForwardKind::dsr, ForwardKind::dscp, ForwardKind::nat}) {
        auto row =
            make_target(frontend_of(kind), 1, {{kBackend}, {true, ""}, model::Accepts::all}, &direct, true);
        auto adopted = hop_of(row, net::Family::v4);
        EXPECT_EQ(adopted.mtu, 9000u);
        EXPECT_EQ(
            make_target(frontend_of(kind), 1, {{kBackend}, {true, ""}, model::Accepts::all}, &adopted, true)
                .room,
            row.room);
    }
}

TEST(TargetRow, TellsTheNextDaemonOfATunnelsWayAlsoWhereTheBackendHasOtherServices) {
    for (auto [first, second] : {std::pair{ForwardKind::nat, ForwardKind::ipip},
                                 {ForwardKind::gue, ForwardKind::dscp},
                                 {ForwardKind::ipip, ForwardKind::gre}}) {
        Hops adopted;
        for (auto kind : {first, second})
            adopt(adopted, kBackend, hop_of(row_of(kind, routed()), net::Family::v4));
        EXPECT_EQ(adopted.at(kBackend).mtu, 1400u);
        EXPECT_EQ(adopted.at(kBackend).source, routed().source);
        EXPECT_EQ(row_of(ForwardKind::gre, adopted.at(kBackend)).room, 1376);
    }
}

}  // namespace
}  // namespace weir::engine::xdp
