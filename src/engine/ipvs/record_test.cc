#include "engine/ipvs/record.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "engine/ipvs/plan_fixture.h"

namespace weir::engine::ipvs {
namespace {

const Owned kOwned{.services = {{ip("192.0.2.1"), net::Port(80), IPPROTO_TCP},
                                {ip("2001:db8::1"), net::Port(0), IPPROTO_SCTP},
                                {net::Ip::v6({}), net::Port(0), 0, 7}},
                   .addresses = {ip("192.0.2.1"), ip("2001:db8::1")},
                   .daemons = {Role::backup}};

TEST(IpvsRecord, ReadsWhatItWrites) {
    auto read = read_record(record_text(kOwned, "boot"), "boot");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, kOwned);
}

TEST(IpvsRecord, HoldsForOneBoot) {
    EXPECT_EQ(read_record(record_text(kOwned, "boot"), "another"), Owned());
}

TEST(IpvsRecord, RefusesWhatItHasNotWritten) {
    for (const char* text :
         {"", "{}", R"({"version":2})",
          R"({"version":1,"boot":"b","services":[{}],"addresses":[],"daemons":[]})",
          R"({"version":1,"boot":"b","services":[{"mark":0,"family":4}],"addresses":[],"daemons":[]})",
          R"({"version":1,"boot":"b","services":[],"addresses":["x"],"daemons":[]})",
          R"({"version":1,"boot":"b","services":[],"addresses":[],"daemons":["x"]})"})
        EXPECT_FALSE(read_record(text, "b")) << text;
}

}  // namespace
}  // namespace weir::engine::ipvs
