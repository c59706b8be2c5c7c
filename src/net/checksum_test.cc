#include "net/checksum.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::net {
namespace {

// The example of RFC 1071, section 3: the sum of these is ddf2.
const std::vector<uint8_t> kExample = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

TEST(Checksum, IsThatOfTheRfc) {
    EXPECT_EQ(Checksum().add(kExample).value(), 0xffff - 0xddf2);
}

TEST(Checksum, OfNothingIsAllOnes) {
    EXPECT_EQ(Checksum().value(), 0xffff);
}

TEST(Checksum, PadsAnOddEndWithZero) {
    const std::vector<uint8_t> odd = {0x12, 0x34, 0x56};
    EXPECT_EQ(Checksum().add(odd).value(), 0xffff - (0x1234 + 0x5600));
}

TEST(Checksum, DoesNotDependOnWhereTheDataAreCut) {
    const std::span<const uint8_t> all = kExample;
    for (size_t cut = 0; cut <= all.size(); cut++)
        EXPECT_EQ(Checksum().add(all.first(cut)).add(all.subspan(cut)).value(), Checksum().add(all).value())
            << "cut at " << cut;
}

TEST(Checksum, IsZeroOverDataWithTheirChecksum) {
    auto data = kExample;
    uint16_t sum = Checksum().add(data).value();
    data.push_back(static_cast<uint8_t>(sum >> 8));
    data.push_back(static_cast<uint8_t>(sum));
    EXPECT_EQ(Checksum().add(data).value(), 0);
    data[3] ^= 1;
    EXPECT_NE(Checksum().add(data).value(), 0);
}

TEST(Checksum, CarriesOverOfMuchData) {
    const std::vector<uint8_t> ones(65535 * 2, 0xff);
    EXPECT_EQ(Checksum().add(ones).value(), 0);
}

}  // namespace
}  // namespace weir::net
