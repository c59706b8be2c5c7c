// Who asks for the MAC of a VIP, and who says that it is his: RFC 826, RFC 4861, RFC 5227.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "tests/packet/fixture.h"
#include "tests/packet/transport.h"

namespace weir::engine::xdp {
namespace {

constexpr uint32_t kLoopback = 1;  // by which test runs' frames come in
const Mac kBroadcast = *Mac::parse("ff:ff:ff:ff:ff:ff");
const Mac kOther = *Mac::parse("02:00:00:00:00:99");
const Mac kNobody{};

void append(Bytes& to, std::span<const uint8_t> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}
Bytes link(const Mac& destination, const Mac& source, std::optional<uint16_t> vlan, uint16_t type) {
    Bytes frame;
    append(frame, destination.bytes);
    append(frame, source.bytes);
    if (vlan) append(frame, std::array{uint8_t{0x81}, uint8_t{0}, uint8_t(*vlan >> 8), uint8_t(*vlan)});
    append(frame, std::array{uint8_t(type >> 8), uint8_t(type)});
    return frame;
}

enum Operation : uint8_t { kRequest = 1, kReply = 2 };

struct Arp {
    Operation operation = kRequest;
    Mac sender_mac = kClient;
    std::string sender = "192.0.2.200";
    Mac target_mac = kNobody;
    std::string target = "192.0.2.1";
};

Bytes arp(const Arp& what, const Mac& destination = kBroadcast, std::optional<uint16_t> vlan = {}) {
    auto frame = link(destination, what.sender_mac, vlan, 0x0806);
    append(frame, std::array<uint8_t, 8>{0, 1, 8, 0, 6, 4, 0, what.operation});
    append(frame, what.sender_mac.bytes);
    append(frame, Ip::parse(what.sender)->bytes());
    append(frame, what.target_mac.bytes);
    append(frame, Ip::parse(what.target)->bytes());
    return frame;
}

/// A neighbour solicitation or advertisement, with one link-layer address option or (no MAC) none.
struct Discovery {
    uint8_t type = 135;
    uint8_t flags = 0;
    std::string source = "2001:db8::200";
    std::string destination = "ff02::1:ff00:1";
    std::string target = "2001:db8::1";
    std::optional<Mac> option{kClient};
    uint8_t hops = 255;
};

Bytes discovery(const Discovery& what, const Mac& to, const Mac& from, std::optional<uint16_t> vlan = {}) {
    auto frame = link(to, from, vlan, 0x86dd);
    append(frame, std::array<uint8_t, 8>{0x60, 0, 0, 0, 0, uint8_t(what.option ? 32 : 24), 58, what.hops});
    append(frame, Ip::parse(what.source)->bytes());
    append(frame, Ip::parse(what.destination)->bytes());
    append(frame, std::array<uint8_t, 8>{what.type, 0, 0, 0, what.flags, 0, 0, 0});
    append(frame, Ip::parse(what.target)->bytes());
    if (what.option) {
        append(frame, std::array<uint8_t, 2>{uint8_t(what.type == 135 ? 1 : 2), 1});
        append(frame, what.option->bytes);
    }
    set_checksum(frame, whole_checksum(frame));
    return frame;
}

const Mac kSolicitedNode = *Mac::parse("33:33:ff:00:00:01");
const Mac kAllNodes = *Mac::parse("33:33:00:00:00:01");

class NeighbourTest : public DatapathTest {
  protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (!tables_) return;
        plan_.frontends.edit_each([&](auto& one) { one.announce_arp = one.healthy = true; });
        apply();
        Ports ports{{kLoopback, Port{kBalancer}}};
        ASSERT_TRUE(tables_->set_ports(ports));
        new_reasons();
    }

    void expect_answer(const Bytes& question, const Bytes& expected, const char* what) {
        auto ran = run(question);
        EXPECT_EQ(ran.verdict, XDP_TX) << what;
        EXPECT_EQ(ran.frame, expected) << what;
        EXPECT_EQ(new_reasons(), (std::map<std::string, uint64_t>{{"neighbour", 1}})) << what;
    }

    static Arp reply_to(const Arp& question) {
        return {kReply, kBalancer, question.target, question.sender_mac, question.sender};
    }
};

TEST_F(NeighbourTest, AnswersArpForAnAnnouncedVip) {
    for (std::optional<uint16_t> vlan : {std::optional<uint16_t>{}, std::optional<uint16_t>{0x123}}) {
        Arp question;
        expect_answer(arp(question, kBroadcast, vlan), arp(reply_to(question), kClient, vlan), "who has it?");
        expect_answer(arp(question, kBalancer, vlan), arp(reply_to(question), kClient, vlan), "a poll");
        question.sender = "0.0.0.0";
        expect_answer(arp(question, kBroadcast, vlan), arp(reply_to(question), kClient, vlan), "a probe");
    }
    auto padded = arp({});
    auto reply = arp(reply_to({}), kClient);
    padded.resize(60, 0xee);
    reply.resize(60, 0xee);
    expect_answer(padded, reply, "with padding");
    EXPECT_TRUE(tables_->take_conflicts().empty());
}

/// RFC 5227, 2.4: any ARP packet whose sender is the address. So does a backend that has the VIP and lets its
/// questions come from it.
TEST_F(NeighbourTest, TellsOfWhoAsksAsAVip) {
    expect_reason(arp({.sender_mac = kOther, .sender = "192.0.2.1", .target = "192.0.2.254"}), XDP_PASS,
                  "conflict", "a question about another address");
    auto claims = tables_->take_conflicts();
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims[0].vip, *Ip::parse("192.0.2.1"));
    EXPECT_EQ(claims[0].mac, kOther);
    expect_reason(discovery({.source = "2001:db8::1", .target = "2001:db8::fe", .option = kOther},
                            kSolicitedNode, kOther),
                  XDP_PASS, "conflict", "a solicitation");
    claims = tables_->take_conflicts();
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims[0].vip, *Ip::parse("2001:db8::1"));
    expect_reason(arp({.sender_mac = kBalancer, .sender = "192.0.2.1", .target = "192.0.2.254"}), XDP_PASS,
                  "not_for_us", "its own");
    EXPECT_TRUE(tables_->take_conflicts().empty());
}

TEST_F(NeighbourTest, LeavesOthersArpAlone) {
    expect_reason(arp({.target = "192.0.2.2"}), XDP_PASS, "not_ip", "no VIP");
    expect_reason(arp({.operation = kReply, .sender = "192.0.2.2", .target = "192.0.2.1"}), XDP_PASS,
                  "not_ip", "an answer to the balancer");
    auto strange = arp({});
    strange[17] = 7;  // the protocol's type is 0x0807
    expect_reason(strange, XDP_PASS, "not_ip", "not of IPv4");
    auto cut = arp({});
    cut.pop_back();
    expect_reason(cut, XDP_PASS, "not_ip", "cut");
    EXPECT_TRUE(tables_->take_conflicts().empty());
}

TEST_F(NeighbourTest, AnswersSolicitations) {
    for (std::optional<uint16_t> vlan : {std::optional<uint16_t>{}, std::optional<uint16_t>{7}}) {
        Discovery answer{136, 0x60, "2001:db8::1", "2001:db8::200", "2001:db8::1", kBalancer};
        auto expected = discovery(answer, kClient, kBalancer, vlan);
        expect_answer(discovery({}, kSolicitedNode, kClient, vlan), expected, "multicast");
        Discovery unicast{.destination = "2001:db8::1"};
        expect_answer(discovery(unicast, kBalancer, kClient, vlan), expected, "unicast");
        unicast.option.reset();
        expect_answer(discovery(unicast, kBalancer, kClient, vlan), expected, "without an option");
        Discovery detection{.source = "::", .option = {}};
        Discovery defence{136, 0x20, "2001:db8::1", "ff02::1", "2001:db8::1", kBalancer};
        expect_answer(discovery(detection, kSolicitedNode, kClient, vlan),
                      discovery(defence, kAllNodes, kBalancer, vlan), "duplicate address detection");
    }
    auto padded = discovery({}, kSolicitedNode, kClient);
    padded.resize(padded.size() + 13);
    auto ran = run(padded);
    EXPECT_EQ(ran.frame.size(), padded.size() - 13) << "what is behind the packet is cut";
    EXPECT_EQ(checksum_of(ran.frame), whole_checksum(ran.frame));
}

TEST_F(NeighbourTest, LeavesOthersSolicitationsAlone) {
    expect_reason(discovery({.target = "2001:db8::2"}, kSolicitedNode, kClient), XDP_PASS, "not_vip",
                  "no VIP");
    expect_reason(discovery({.hops = 254}, kSolicitedNode, kClient), XDP_PASS, "not_vip", "from afar");
}

TEST_F(NeighbourTest, IsSilentUnlessTheVipIsAnnouncedAndItsFrontendsAreHealthy) {
    auto expect_silence = [&](const char* why) {
        apply();
        expect_reason(arp({}), XDP_PASS, "not_ip", why);
        expect_reason(discovery({}, kSolicitedNode, kClient), XDP_PASS, "not_vip", why);
        expect_reason(arp({.operation = kReply, .sender_mac = kOther, .sender = "192.0.2.1"}), XDP_PASS,
                      "not_ip", why);
        EXPECT_TRUE(tables_->take_conflicts().empty());
    };
    plan_.frontends.edit_each([&](auto& one) { one.healthy = one.key.port.value() != 53; });
    expect_silence("one of two frontends is down");
    plan_.frontends.edit_each([&](auto& one) { one.healthy = true, one.announce_arp = false; });
    expect_silence("not announced");
    plan_.frontends.edit_each([&](auto& one) { one.announce_arp = one.key.port.value() == 80; });
    apply();
    expect_answer(arp({}), arp(reply_to({}), kClient), "one service announces it");
}

TEST_F(NeighbourTest, AnswersForAVipWithinAPrefixThatItDoesNotAnswerFor) {
    auto prefix = frontend("192.0.2.0", 0, model::Protocol::any, 3);
    prefix.key.more_ports = 65535;
    prefix.key.free_bits = 8;
    prefix.healthy = true;
    plan_.frontends.push_back(prefix);
    apply();
    expect_answer(arp({}), arp(reply_to({}), kClient), "its own service announces it");
    expect_reason(arp({.target = "192.0.2.2"}), XDP_PASS, "not_ip", "nobody announces it");
}

TEST_F(NeighbourTest, ReportsWhoClaimsAVip) {
    Arp gratuitous{kRequest, kOther, "192.0.2.1", kNobody, "192.0.2.1"};
    Arp announced{kReply, kOther, "192.0.2.1", kBroadcast, "192.0.2.1"};
    Arp told{kReply, kOther, "192.0.2.1", kClient, "192.0.2.200"};
    for (const auto& claim : {gratuitous, announced, told}) {
        expect_reason(arp(claim), XDP_PASS, "conflict", "ARP");
        auto mine = claim;
        mine.sender_mac = kBalancer;
        expect_reason(arp(mine), XDP_PASS, "not_for_us", "the balancer's own");
    }
    EXPECT_EQ(tables_->take_conflicts(), (std::vector{Conflict{*Ip::parse("192.0.2.1"), kOther, kLoopback}}));

    Discovery claim{136, 0x20, "2001:db8::1", "ff02::1", "2001:db8::1", kOther};
    expect_reason(discovery(claim, kAllNodes, kOther, 9), XDP_PASS, "conflict", "neighbour discovery");
    EXPECT_EQ(tables_->take_conflicts(),
              (std::vector{Conflict{*Ip::parse("2001:db8::1"), kOther, kLoopback}}));
    claim.target = "2001:db8::2";
    expect_reason(discovery(claim, kAllNodes, kOther), XDP_PASS, "not_vip", "of another address");
}

}  // namespace
}  // namespace weir::engine::xdp
