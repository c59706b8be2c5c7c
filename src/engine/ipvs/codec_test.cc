#include "engine/ipvs/codec.h"

#include <gmock/gmock.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <netlink/msg.h>

namespace weir::engine::ipvs {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint16_t kFamily = 0x21;

/// What comes behind netlink's own header.
Bytes body_of(const net::Message& message) {
    auto* header = nlmsg_hdr(message.get());
    auto* first = static_cast<const uint8_t*>(nlmsg_data(header));
    return {first, first + nlmsg_datalen(header)};
}
Bytes encoded(const Change& change) {
    return body_of(*encode(kFamily, change));
}

/// An attribute by hand, with its padding: linux/netlink.h.
Bytes attribute(uint16_t type, const Bytes& value) {
    const size_t size = 4 + value.size();
    Bytes out = {static_cast<uint8_t>(size), static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(type),
                 static_cast<uint8_t>(type >> 8)};
    out.insert(out.end(), value.begin(), value.end());
    out.resize((out.size() + 3) / 4 * 4);
    return out;
}
Bytes nested(uint16_t type, const Bytes& value) {
    return attribute(0x8000 | type, value);  // NLA_F_NESTED
}
Bytes operator+(Bytes one, const Bytes& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

/// A message as the kernel sends it: family, command, attributes.
class FromKernel {
  public:
    FromKernel(uint8_t command, const Bytes& attributes) {
        const Bytes header = {command, 1, 0, 0};
        const auto size = static_cast<uint32_t>(sizeof(nlmsghdr) + header.size() + attributes.size());
        const nlmsghdr outer{.nlmsg_len = size, .nlmsg_type = kFamily};
        bytes_.assign(reinterpret_cast<const uint8_t*>(&outer),
                      reinterpret_cast<const uint8_t*>(&outer) + sizeof outer);
        bytes_ = bytes_ + header + attributes;
    }
    const nlmsghdr& get() const { return *reinterpret_cast<const nlmsghdr*>(bytes_.data()); }

  private:
    Bytes bytes_;  // aligned as the allocator does
};

const Bytes kVip = {192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const Bytes kBackend = {10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const Bytes kVip6 = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
const ServiceKey kWeb{net::Ip::v4({192, 0, 2, 1}), net::Port(80), IPPROTO_TCP};
const ServiceKey kWeb6{*net::Ip::parse("2001:db8::1"), net::Port(443), IPPROTO_SCTP};
const ServiceKey kMark6{net::Ip::v6({}), net::Port(0), 0, 7};
const net::Endpoint kAt{net::Ip::v4({10, 0, 0, 2}), net::Port(8080)};

// Of linux/ip_vs.h: AF, PROTOCOL, ADDR, PORT, in this order.
const Bytes kWebKey =
    attribute(1, {2, 0}) + attribute(2, {6, 0}) + attribute(3, kVip) + attribute(4, {0, 80});

TEST(IpvsCodec, AddsAService) {
    const auto expected = Bytes{1, 1, 0, 0} +  // NEW_SERVICE
                          nested(1, kWebKey + attribute(6, {'w', 'l', 'c', 0}) +
                                        attribute(7, {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) +
                                        attribute(8, {0, 0, 0, 0}) + attribute(9, {255, 255, 255, 255}));
    EXPECT_EQ(encoded(AddService{kWeb, {"wlc"}}), expected);
}

TEST(IpvsCodec, AddsAPersistentServiceOfIpv6) {
    const auto key =
        attribute(1, {10, 0}) + attribute(2, {132, 0}) + attribute(3, kVip6) + attribute(4, {1, 0xbb});
    const auto expected =
        Bytes{1, 1, 0, 0} +
        nested(1, key + attribute(6, {'s', 'h', 0}) + attribute(7, {0x11, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) +
                      attribute(8, {0x2c, 1, 0, 0}) + attribute(9, {64, 0, 0, 0}));
    EXPECT_EQ(encoded(AddService{kWeb6, {"sh", kPersistent | IP_VS_SVC_F_SCHED_SH_PORT, 300, 64}}), expected);
}

TEST(IpvsCodec, PutsAnIpv4NetmaskInNetworkOrder) {
    const auto bytes = encoded(EditService{kWeb, {"wlc", kPersistent, 60, 20}});
    const auto mask = attribute(9, {255, 255, 240, 0});
    EXPECT_EQ(bytes[0], 2) << "SET_SERVICE";
    EXPECT_TRUE(std::equal(mask.rbegin(), mask.rend(), bytes.rbegin()));
}

TEST(IpvsCodec, NamesAMarkByItsFamilyAndNumber) {
    EXPECT_EQ(encoded(RemoveService{kMark6}),
              (Bytes{3, 1, 0, 0} + nested(1, attribute(1, {10, 0}) + attribute(5, {7, 0, 0, 0}))));
}

TEST(IpvsCodec, AddsADestinationBehindATunnel) {
    const auto expected =
        Bytes{5, 1, 0, 0} + nested(1, kWebKey) +  // NEW_DEST
        nested(2, attribute(1, kBackend) + attribute(2, {0x1f, 0x90}) + attribute(11, {2, 0}) +
                      attribute(3, {2, 0, 0, 0}) + attribute(4, {5, 0, 0, 0}) + attribute(5, {100, 0, 0, 0}) +
                      attribute(6, {50, 0, 0, 0}) + attribute(13, {1}) + attribute(14, {0x17, 0xc0}) +
                      attribute(15, {1, 0}));
    const Destination gue{Method::tunnel, {TunnelKind::gue, 6080, kTunnelChecksum}, 5, 100, 50};
    EXPECT_EQ(encoded(AddDestination{kWeb, kAt, gue}), expected);
}

TEST(IpvsCodec, NumbersEachMethodAsTheKernelDoes) {
    const std::pair<Destination, uint8_t> kinds[] = {
        {{Method::nat}, 0}, {{Method::direct}, 3}, {{Method::tunnel}, 2}};
    for (const auto& [destination, number] : kinds) {
        const auto bytes = encoded(EditDestination{kWeb, kAt, destination});
        EXPECT_EQ(bytes[0], 6) << "SET_DEST";
        const auto method = attribute(3, {number, 0, 0, 0});
        EXPECT_NE(std::ranges::search(bytes, method).begin(), bytes.end()) << int{number};
    }
    EXPECT_EQ(encoded(RemoveDestination{kWeb, kAt})[0], 7);
}

TEST(IpvsCodec, StartsAndStopsTheSyncDaemon) {
    const SyncDaemon daemon{"eth0", 9, net::Ip::v4({224, 0, 0, 99}), 9000, 3};
    const auto expected =
        Bytes{9, 1, 0, 0} + nested(3, attribute(1, {1, 0, 0, 0}) + attribute(2, {'e', 't', 'h', '0', 0}) +
                                          attribute(3, {9, 0, 0, 0}) + attribute(5, {224, 0, 0, 99}) +
                                          attribute(7, {0x28, 0x23}) + attribute(8, {3}));
    EXPECT_EQ(encoded(StartDaemon{Role::master, daemon}), expected);
    EXPECT_EQ(encoded(StopDaemon{Role::backup}),
              (Bytes{10, 1, 0, 0} + nested(3, attribute(1, {2, 0, 0, 0}))));
}

TEST(IpvsCodec, SetsTheTimeoutsThatAreWanted) {
    EXPECT_EQ(encoded(SetTimeouts{{900, {}, 300}}),
              (Bytes{12, 1, 0, 0} + attribute(4, {0x84, 3, 0, 0}) + attribute(6, {0x2c, 1, 0, 0})));
}

TEST(IpvsCodec, LeavesAddressesToRtnetlink) {
    EXPECT_FALSE(encode(kFamily, AddAddress{kWeb.address}));
    EXPECT_FALSE(encode(kFamily, RemoveAddress{kWeb.address}));
}

TEST(IpvsCodec, ReadsAService) {
    const FromKernel message(
        1, nested(1, kWebKey + attribute(6, {'w', 'r', 'r', 0}) +
                         attribute(7, {3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) +  // persistent, hashed
                         attribute(8, {60, 0, 0, 0}) + attribute(9, {255, 255, 255, 0})));
    auto read = decode_service(message.get());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->first, kWeb);
    EXPECT_EQ(read->second, (Service{"wrr", kPersistent, 60, 24}));
}

TEST(IpvsCodec, ReadsAServiceOfAMark) {
    const FromKernel message(
        1, nested(1, attribute(1, {10, 0}) + attribute(5, {7, 0, 0, 0}) + attribute(6, {'r', 'r', 0}) +
                         attribute(7, {2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) + attribute(8, {0, 0, 0, 0}) +
                         attribute(9, {128, 0, 0, 0})));
    auto read = decode_service(message.get());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->first, kMark6);
    EXPECT_EQ(read->second, (Service{"rr", 0, 0, 128}));
}

const Bytes kPlace = attribute(1, kBackend) + attribute(2, {0x1f, 0x90}) + attribute(11, {2, 0});
const Bytes kSettings = attribute(3, {2, 0, 0, 0}) + attribute(4, {5, 0, 0, 0}) + attribute(5, {9, 0, 0, 0}) +
                        attribute(6, {4, 0, 0, 0}) + attribute(13, {2}) + attribute(14, {0, 0}) +
                        attribute(15, {0, 0});
const Bytes kConnections = attribute(7, {3, 0, 0, 0}) + attribute(8, {4, 0, 0, 0});

TEST(IpvsCodec, ReadsADestinationWithItsStatistics) {
    const auto wide = attribute(1, {1, 0, 0, 0, 1, 0, 0, 0}) + attribute(2, {2, 0, 0, 0, 0, 0, 0, 0}) +
                      attribute(4, {3, 0, 0, 0, 0, 0, 0, 0});
    const auto narrow = attribute(1, {1, 0, 0, 0});
    const FromKernel message(
        5, nested(2, kPlace + kSettings + kConnections + nested(10, narrow) + nested(12, wide)));
    auto read = decode_destination(message.get());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->first, kAt);
    EXPECT_EQ(read->second.settings, (Destination{Method::tunnel, {TunnelKind::gre}, 5, 9, 4}));
    EXPECT_EQ(read->second.use, (Use{3, 4, 0x100000001, 2, 3}));
}

TEST(IpvsCodec, ReadsTheStatisticsOfOlderKernels) {
    const auto narrow =
        attribute(1, {1, 0, 0, 0}) + attribute(2, {2, 0, 0, 0}) + attribute(4, {3, 0, 0, 0, 1, 0, 0, 0});
    const FromKernel message(5, nested(2, kPlace + kSettings + kConnections + nested(10, narrow)));
    EXPECT_EQ(decode_destination(message.get())->second.use, (Use{3, 4, 1, 2, 0x100000003}));
}

TEST(IpvsCodec, ReadsTheSyncDaemonAndTheTimeouts) {
    const FromKernel daemon(9, nested(3, attribute(1, {2, 0, 0, 0}) + attribute(2, {'b', 'r', '0', 0}) +
                                             attribute(3, {4, 0, 0, 0}) + attribute(5, {224, 0, 0, 81}) +
                                             attribute(7, {0x90, 0x22}) + attribute(8, {1})));
    EXPECT_EQ(decode_daemon(daemon.get()),
              std::pair(Role::backup, (SyncDaemon{"br0", 4, net::Ip::v4({224, 0, 0, 81}), 8848, 1})));
    const FromKernel timeouts(
        12, attribute(4, {0x84, 3, 0, 0}) + attribute(5, {120, 0, 0, 0}) + attribute(6, {0x2c, 1, 0, 0}));
    EXPECT_EQ(decode_timeouts(timeouts.get()), (Timeouts{900, 120, 300}));
}

TEST(IpvsCodec, ReadsTheFamilysNumber) {
    const FromKernel message(1, attribute(2, {'I', 'P', 'V', 'S', 0}) + attribute(1, {0x22, 0}));
    EXPECT_EQ(decode_family(message.get()), 0x22);
    EXPECT_EQ(body_of(family_question()), (Bytes{3, 1, 0, 0} + attribute(2, {'I', 'P', 'V', 'S', 0})));
}

TEST(IpvsCodec, MakesNothingOfWhatMakesNoSense) {
    EXPECT_FALSE(decode_service(FromKernel(5, nested(1, kWebKey)).get())) << "another command";
    EXPECT_FALSE(decode_service(FromKernel(1, nested(1, kWebKey)).get())) << "no flags";
    EXPECT_FALSE(decode_service(FromKernel(1, {}).get()));
    EXPECT_FALSE(decode_destination(FromKernel(5, nested(2, attribute(1, kBackend))).get())) << "no port";
    EXPECT_FALSE(decode_destination(
        FromKernel(5, nested(2, attribute(1, {10, 0, 0}) + attribute(2, {0, 1}) + attribute(11, {2, 0})))
            .get()))
        << "three bytes of an address";
    EXPECT_FALSE(decode_daemon(FromKernel(9, nested(3, attribute(1, {3, 0, 0, 0}))).get()));
}

}  // namespace
}  // namespace weir::engine::ipvs
