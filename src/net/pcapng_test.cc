#include "net/pcapng.h"

#include <gmock/gmock.h>

namespace weir::net::pcapng {
namespace {

using testing::ElementsAreArray;

TEST(Pcapng, WritesStatisticsAsTheDraftHasThem) {
    using std::chrono::nanoseconds;
    const auto block = statistics(1, std::chrono::sys_time<nanoseconds>(nanoseconds(0x0102030405060708)),
                                  0x11, 0x22, "lost");
    // Draft section 4.6: type, length, interface, time (high, low), options (comment, ifrecv, ifdrop, end),
    // length.
    EXPECT_THAT(block,
                ElementsAreArray(std::vector<uint8_t>{5, 0, 0, 0, 60,   0, 0, 0, 1, 0, 0,   0,   4,   3,
                                                      2, 1, 8, 7, 6,    5, 1, 0, 4, 0, 'l', 'o', 's', 't',  //
                                                      4, 0, 8, 0, 0x11, 0, 0, 0, 0, 0, 0,   0,              //
                                                      5, 0, 8, 0, 0x22, 0, 0, 0, 0, 0, 0,   0,              //
                                                      0, 0, 0, 0, 60,   0, 0, 0}));
}

TEST(Pcapng, RefusesWhatNoReaderTakes) {
    EXPECT_FALSE(interface(std::string(65536, 'x')));
    EXPECT_TRUE(interface(std::string(65535, 'x')));
    const Bytes longest(262144), too_long(262145);
    EXPECT_TRUE(packet({longest, 262144, {}}, "", 0));
    EXPECT_FALSE(packet({too_long, 262145, {}}, "", 0));
    EXPECT_FALSE(packet({longest, 262144, {}}, std::string(65536, 'x'), 0));
}

}  // namespace
}  // namespace weir::net::pcapng
