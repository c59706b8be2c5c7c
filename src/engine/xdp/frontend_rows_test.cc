#include "engine/xdp/frontend_rows.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

namespace weir::engine::xdp {
namespace {

model::Frontend frontend(const std::string& prefix, uint16_t first, uint16_t more, model::Protocol protocol) {
    model::Frontend out;
    auto parsed = *net::Prefix::parse(prefix);
    out.key = {parsed.address, net::Port(first), protocol, more, net::free_bits(parsed)};
    out.healthy = true;
    return out;
}

/// The frontend that a packet finds, as the datapath looks.
uint32_t match(const FrontendRows& rows, const std::string& vip, uint16_t port, uint8_t protocol) {
    auto ip = *net::Ip::parse(vip);
    weir_address address{};
    std::memcpy(&address, ip.bytes().data(), ip.bytes().size());
    bool known = false;
    for (const auto& shape : rows.shapes) {
        if (shape.family != (ip.is_v4() ? WEIR_V4 : WEIR_V6)) continue;
        for (const auto& row : rows.rows)
            if (row.key.vip_bits == shape.vip_bits && row.key.port_bits == shape.port_bits &&
                row.key.family == shape.family &&
                row.key.vip.half[0] == (address.half[0] & shape.vip_mask[0]) &&
                row.key.vip.half[1] == (address.half[1] & shape.vip_mask[1]) &&
                row.key.port == (htons(port) & shape.port_mask) &&
                row.key.protocol == (protocol & shape.protocol_mask)) {
                known = true;
                if (row.number) return row.number;
            }
    }
    return known ? 0 : ~0u;
}

TEST(FrontendRows, LetTheMostSpecificFrontendTakeAPacket) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32", 80, 0, model::Protocol::tcp),
                      frontend("192.0.2.1/32", 0, 65535, model::Protocol::tcp),
                      frontend("192.0.2.0/24", 8000, 99, model::Protocol::udp),
                      frontend("192.0.2.0/24", 0, 65535, model::Protocol::any),
                      frontend("2001:db8::/64", 1000, 1000, model::Protocol::tcp)};
    auto rows = frontend_rows(plan, {.present = 7});
    EXPECT_EQ(match(rows, "192.0.2.1", 80, 6), 1u);
    EXPECT_EQ(match(rows, "192.0.2.1", 81, 6), 2u);
    EXPECT_EQ(match(rows, "192.0.2.1", 8050, 17), 3u) << "the single VIP has no UDP of its own";
    EXPECT_EQ(match(rows, "192.0.2.9", 8100, 17), 4u);
    EXPECT_EQ(match(rows, "192.0.2.9", 0, 47), 4u);
    EXPECT_EQ(match(rows, "192.0.3.1", 80, 6), ~0u);
    for (uint16_t port : {1000, 1001, 1024, 1999, 2000})
        EXPECT_EQ(match(rows, "2001:db8::99", port, 6), 5u) << port;
    for (uint16_t port : {0, 999, 2001, 65535}) EXPECT_EQ(match(rows, "2001:db8::99", port, 6), 0u) << port;
    EXPECT_EQ(match(rows, "2001:db8:0:1::", 1000, 6), ~0u);
    EXPECT_TRUE(rows.wildcards);
}

TEST(FrontendRows, GiveABlockOfTwoRangesToTheOneWithFewerPorts) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32", 8000, 99, model::Protocol::tcp),
                      frontend("192.0.2.1/32", 8064, 3, model::Protocol::tcp),
                      frontend("192.0.2.1/32", 8096, 3, model::Protocol::tcp)};
    auto rows = frontend_rows(plan, {.present = 7});
    for (auto [port, number] :
         {std::pair{8063, 1u}, {8064, 2u}, {8067, 2u}, {8068, 1u}, {8095, 1u}, {8096, 3u}, {8099, 3u}})
        EXPECT_EQ(match(rows, "192.0.2.1", static_cast<uint16_t>(port), 6), number) << port;
}

TEST(FrontendRows, CoverEveryRangeExactly) {
    for (auto [first, last] :
         {std::pair{1, 65535}, {1, 1}, {7, 8}, {1023, 1025}, {32768, 65535}, {3, 60000}}) {
        model::Plan plan;
        plan.frontends = {frontend("192.0.2.1/32", static_cast<uint16_t>(first),
                                   static_cast<uint16_t>(last - first), model::Protocol::tcp)};
        auto rows = frontend_rows(plan, {.present = 7});
        uint32_t covered = 0;
        for (const auto& row : rows.rows)
            if (row.number) {
                covered += 1u << row.key.port_bits;
                EXPECT_GE(ntohs(row.key.port), first);
                EXPECT_LE(ntohs(row.key.port) + (1u << row.key.port_bits) - 1, static_cast<uint32_t>(last));
            }
        EXPECT_EQ(covered, static_cast<uint32_t>(last - first + 1)) << first << "-" << last;
    }
}

TEST(FrontendRows, AreExactWhereServicesAreSo) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32", 80, 0, model::Protocol::tcp)};
    EXPECT_FALSE(frontend_rows(plan, {.present = 7}).wildcards);
    EXPECT_EQ(count_frontend_rows(plan).value(), 2u);
}

TEST(FrontendRows, RefuseMoreFormsThanTheDatapathLooksThrough) {
    model::Plan plan;
    for (uint8_t length = 9; length < 32; length++)
        for (auto port : {80, 0})
            plan.frontends.push_back(frontend(net::Prefix{net::Ip::v4({10, 0, 0, 0}), length}.text(),
                                              static_cast<uint16_t>(port), port ? 0 : 65535,
                                              model::Protocol::tcp));
    EXPECT_FALSE(count_frontend_rows(plan));
}

TEST(FrontendRows, AnnounceAVipWhileAllItsFrontendsAreHealthy) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32", 80, 0, model::Protocol::tcp),
                      frontend("192.0.2.1/32", 443, 0, model::Protocol::tcp)};
    plan.frontends.edit(0).announce_arp = true;
    auto announced = [&] {
        for (const auto& row : frontend_rows(plan, {.present = 7}).rows)
            if (row.flags & WEIR_ANNOUNCED) return true;
        return false;
    };
    EXPECT_TRUE(announced());
    plan.frontends.edit(1).healthy = false;
    EXPECT_FALSE(announced());
}

TEST(FrontendRows, AreTheSameExactlyWhereThatIsSaid) {
    model::Plan plan;
    plan.frontends = {frontend("192.0.2.1/32", 80, 0, model::Protocol::tcp),
                      frontend("192.0.2.2/32", 443, 0, model::Protocol::tcp)};
    plan.frontends.edit_each([](auto& each) { each.announce_arp = true; });
    auto same = [&](auto change, bool to_be_same) {
        auto other = plan;
        change(other, other.frontends.edit(0));
        auto a = frontend_rows(plan, {.present = 7}), b = frontend_rows(other, {.present = 7});
        bool are = a.wildcards == b.wildcards && a.rows.size() == b.rows.size() &&
                   std::memcmp(a.rows.data(), b.rows.data(), a.rows.size() * sizeof(weir_frontend)) == 0;
        EXPECT_EQ(are, to_be_same);
        EXPECT_EQ(same_frontend_rows(plan, other), to_be_same);
    };
    same([](auto&, auto&) {}, true);
    same([](auto&, auto& one) { one.targets.resize(3); }, true);
    same([](auto&, auto& one) { one.scheduler.table_size = 251; }, true);
    same([](auto& other, auto&) { other.silent = true; }, false);
    same([](auto& other, auto&) { other.frontends.push_back(frontend("::/0", 1, 0, model::Protocol::any)); },
         false);
    same([](auto&, auto& one) { one.key.port = net::Port(81); }, false);
    same([](auto&, auto& one) { one.sticky.emplace(); }, false);
    same([](auto&, auto& one) { one.scheduler.kind = model::SchedulerKind::rr; }, false);
    same([](auto&, auto& one) { one.announce_arp = false; }, false);
    same([](auto&, auto& one) { one.healthy = false; }, false);
}

}  // namespace
}  // namespace weir::engine::xdp
