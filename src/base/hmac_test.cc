#include "base/hmac.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

std::string hex(const Hmac::Code& code) {
    return fmt::format("{:02x}", fmt::join(code, ""));
}

// RFC 4231, test cases 1, 2 and 6.
TEST(Hmac, AgreesWithTheRfc) {
    EXPECT_EQ(hex(Hmac(std::string(20, '\x0b')).of("Hi There")),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hex(Hmac("Jefe").of("what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(
        hex(Hmac(std::string(131, '\xaa')).of("Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, IsTheSameEveryTime) {
    Hmac hmac("Jefe");
    auto first = hmac.of("what do ya want for nothing?");
    EXPECT_NE(hmac.of("something else"), first);
    EXPECT_EQ(hmac.of("what do ya want for nothing?"), first);
    EXPECT_EQ(first_of<uint32_t>(first), 0x5bdcc146u);
}

}  // namespace
}  // namespace weir
