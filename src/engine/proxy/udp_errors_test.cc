#include "engine/proxy/udp_errors.h"

#include <gmock/gmock.h>

#include "net/checksum.h"

namespace weir::engine::proxy {
namespace {

const Undelivered kV4{net::Endpoint::parse("192.0.2.1:4000").value(),
                      net::Endpoint::parse("198.51.100.1:53").value(), 100};
const Undelivered kV6{net::Endpoint::parse("[2001:db8::1]:4000").value(),
                      net::Endpoint::parse("[2001:db8::2]:53").value(), 100};

std::vector<uint8_t> part(const std::vector<uint8_t>& bytes, size_t start, size_t size) {
    return {bytes.begin() + static_cast<ptrdiff_t>(start),
            bytes.begin() + static_cast<ptrdiff_t>(start + size)};
}

TEST(UdpErrors, QuoteTheHeadersOfAnIpv4Datagram) {
    const auto message = icmp_error(kV4, std::nullopt);
    ASSERT_EQ(message.size(), 8u + 20 + 8);
    EXPECT_THAT(part(message, 0, 2), testing::ElementsAre(3, 3));
    EXPECT_THAT(part(message, 4, 4), testing::Each(0));
    EXPECT_EQ(net::Checksum().add(message).value(), 0);
    const auto header = part(message, 8, 20);
    EXPECT_EQ(net::Checksum().add(header).value(), 0);
    EXPECT_THAT(part(header, 0, 4), testing::ElementsAre(0x45, 0, 0, 128));
    EXPECT_EQ(header[9], 17);
    EXPECT_THAT(part(header, 12, 8), testing::ElementsAre(192, 0, 2, 1, 198, 51, 100, 1));
    EXPECT_THAT(part(message, 28, 8), testing::ElementsAre(4000 >> 8, 4000 & 255, 0, 53, 0, 108, 0, 0));
}

TEST(UdpErrors, TellTheMtuOfAnIpv4Path) {
    const auto message = icmp_error(kV4, 1400);
    EXPECT_THAT(part(message, 0, 2), testing::ElementsAre(3, 4));
    EXPECT_THAT(part(message, 4, 4), testing::ElementsAre(0, 0, 1400 >> 8, 1400 & 255));
    EXPECT_EQ(net::Checksum().add(message).value(), 0);
}

TEST(UdpErrors, QuoteTheHeadersOfAnIpv6Datagram) {
    const auto message = icmp_error(kV6, std::nullopt);
    ASSERT_EQ(message.size(), 8u + 40 + 8);
    EXPECT_THAT(part(message, 0, 2), testing::ElementsAre(1, 4));
    EXPECT_THAT(part(message, 8, 8), testing::ElementsAre(0x60, 0, 0, 0, 0, 108, 17, 64));
    EXPECT_THAT(part(message, 16, 2), testing::ElementsAre(0x20, 0x01));
    EXPECT_EQ(message[47], 2);
    EXPECT_THAT(part(message, 48, 6), testing::ElementsAre(4000 >> 8, 4000 & 255, 0, 53, 0, 108));
}

TEST(UdpErrors, TellTheMtuOfAnIpv6Path) {
    const auto message = icmp_error(kV6, 1280);
    EXPECT_THAT(part(message, 0, 2), testing::ElementsAre(2, 0));
    EXPECT_THAT(part(message, 4, 4), testing::ElementsAre(0, 0, 1280 >> 8, 1280 & 255));
}

TEST(UdpErrors, SayNoMoreThanALengthCan) {
    auto huge = kV4;
    huge.payload = 70000;
    EXPECT_THAT(part(icmp_error(huge, 70000), 4, 4), testing::ElementsAre(0, 0, 255, 255));
    EXPECT_THAT(part(icmp_error(huge, 70000), 10, 2), testing::ElementsAre(255, 255));
}

}  // namespace
}  // namespace weir::engine::proxy
