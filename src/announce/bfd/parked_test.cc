#include "announce/bfd/parked.h"

#include <gmock/gmock.h>

namespace weir::announce::bfd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const SystemTime kNow{1000000s};

ParkedSessions sample() {
    const Parked parked{11, 22, 10s, 200ms, 50ms, 100ms, 3};
    return {{net::Ip::parse("10.0.0.1").value(), parked}, {net::Ip::parse("2001:db8::1").value(), parked}};
}

TEST(BfdParked, IsReadAsItWasWritten) {
    const auto text = parked_text(sample(), kNow + 30s);
    EXPECT_THAT(text, HasSubstr(R"("version":1)"));
    EXPECT_EQ(read_parked(text, kNow + 29s), sample());
}

TEST(BfdParked, IsNothingOncePeersHaveWaitedLongEnough) {
    EXPECT_EQ(read_parked(parked_text(sample(), kNow + 30s), kNow + 30s), ParkedSessions());
}

TEST(BfdParked, IsAllRightOrNothing) {
    auto wrong = [](std::string_view from, std::string_view to) {
        auto text = parked_text(sample(), kNow + 30s);
        const auto at = text.find(from);
        EXPECT_NE(at, text.npos) << from;
        if (at != text.npos) text.replace(at, from.size(), to);
        const auto read = read_parked(text, kNow);
        return read ? "" : read.error().message;
    };
    EXPECT_THAT(wrong(R"("version":1)", R"("version":2)"), HasSubstr("its version is 2"));
    EXPECT_THAT(wrong("10.0.0.1", "10.0.0"), HasSubstr("10.0.0"));
    EXPECT_THAT(wrong(R"("yours":22)", R"("yours":0)"), HasSubstr("cannot have been"));
    EXPECT_NE(wrong(R"("yours":22)", R"("yours":-1)"), "");
    EXPECT_NE(wrong(R"("mine":11)", R"("mine":"a")"), "");
    EXPECT_NE(wrong("}", ""), "");
}

}  // namespace
}  // namespace weir::announce::bfd
