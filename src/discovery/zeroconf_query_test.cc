#include "discovery/zeroconf_query.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using testing::HasSubstr;

TEST(ServiceType, IsANameOfTcpOrAFullType) {
    EXPECT_EQ(read_service_type("http"), "_http._tcp");
    EXPECT_EQ(read_service_type("CM4all-http"), "_CM4all-http._tcp");
    EXPECT_EQ(read_service_type("_http._tcp"), "_http._tcp");
    EXPECT_EQ(read_service_type("_domain._udp"), "_domain._udp");
    EXPECT_EQ(read_service_type("a23456789012345"), "_a23456789012345._tcp");
    EXPECT_EQ(read_service_type("3com"), "_3com._tcp");
}

TEST(ServiceType, ThatIsNoneSaysWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "it has 0 letters where 1 to 15 are right"},
        {"a234567890123456", "it has 16 letters"},
        {"_._tcp", "it has 0 letters"},
        {"http server", "only letters, digits and hyphens"},
        {"h\xc3\xa4ttp", "only letters, digits and hyphens"},
        {"8080", "there is no letter in it"},
        {"-http", "hyphens stand alone"},
        {"http-", "hyphens stand alone"},
        {"ht--tp", "hyphens stand alone"},
        {"http._tcp", "only letters, digits and hyphens"},
        {"_http", "is no service type"},
        {"_http._sctp", "is no service type"},
        {"_http._tcp.local", "is no service type"},
        {"_printer._sub._http._tcp", "is no service type"},
        {"_ht tp._tcp", "only letters, digits and hyphens"},
    };
    for (const auto& [text, message] : cases) {
        auto type = read_service_type(text);
        ASSERT_FALSE(type) << text;
        EXPECT_THAT(type.error().message, HasSubstr(message)) << text;
    }
}

TEST(Domain, IsLabelsWithoutTheLastDot) {
    EXPECT_EQ(read_domain("local"), "local");
    EXPECT_EQ(read_domain("local."), "local");
    EXPECT_EQ(read_domain("b\xc3\xbcro.example.com"), "b\xc3\xbcro.example.com");
    EXPECT_EQ(read_domain(std::string(63, 'a') + ".b"), std::string(63, 'a') + ".b");
}

TEST(Domain, ThatIsNoneIsRefused) {
    std::string long_one = "a";
    for (int i = 0; i < 128; ++i) long_one += ".a";
    for (const std::string& text :
         {std::string(), std::string("."), std::string(".local"), std::string("a..b"), std::string("local.."),
          std::string("lo cal"), std::string("a\\.b"), std::string(64, 'a'), long_one})
        EXPECT_FALSE(read_domain(text)) << text;
}

}  // namespace
}  // namespace weir::discovery
