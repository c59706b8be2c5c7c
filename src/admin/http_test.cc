#include "admin/http.h"

#include <gtest/gtest.h>

namespace weir::admin {
namespace {

TEST(Target, IsTakenApartAndDecoded) {
    auto request =
        parse_target("/api/v1/trace?src=198.51.100.7%3A1234&vip=%5B2001:db8::1%5D:80&protocol=tcp");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->path, "/api/v1/trace");
    EXPECT_EQ(request->query.at("src"), "198.51.100.7:1234");
    EXPECT_EQ(request->query.at("vip"), "[2001:db8::1]:80");
}

TEST(Target, MayHaveBareBrackets) {
    EXPECT_EQ(parse_target("/x?vip=[2001:db8::1]:80")->query.at("vip"), "[2001:db8::1]:80");
}

TEST(Target, ComesBackFromItsText) {
    Request request;
    request.path = "/api/v1/trace";
    request.query = {{"src", "[2001:db8::7]:1"}, {"note", "a&b=c %+"}};
    auto back = parse_target(target_of(request));
    ASSERT_TRUE(back) << target_of(request);
    EXPECT_EQ(back->path, request.path);
    EXPECT_EQ(back->query, request.query);
}

TEST(Target, IsRefusedWhereItIsNone) {
    for (auto text : {"", "*", "x", "/a b", "/%zz", "http://127.0.0.1/"})
        EXPECT_FALSE(parse_target(text)) << text;
}

struct GuardCase {
    const char* what;
    bool over_tcp;
    const char* method;
    const char* host;
    bool marked;
    unsigned status;
};

class Guard : public testing::TestWithParam<GuardCase> {};

TEST_P(Guard, LetsInWhatNoForeignPageCanSend) {
    Request request;
    request.over_tcp = GetParam().over_tcp;
    request.method = GetParam().method;
    request.host = GetParam().host;
    request.marked = GetParam().marked;
    EXPECT_EQ(guard(request).status, GetParam().status) << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(
    Requests, Guard,
    testing::Values(GuardCase{"whoever may open the socket", false, "POST", "whatever.example", false, 0},
                    GuardCase{"curl, Prometheus", true, "GET", "127.0.0.1:9070", false, 0},
                    GuardCase{"by name", true, "GET", "localhost:9070", false, 0},
                    GuardCase{"IPv6", true, "GET", "[::1]:9070", false, 0},
                    GuardCase{"IPv6 at port 80", true, "GET", "[::1]", false, 0},
                    GuardCase{"DNS rebinding", true, "GET", "evil.example:9070", false, 403},
                    GuardCase{"a name that starts well", true, "GET", "localhost.evil.example", false, 403},
                    GuardCase{"no Host", true, "GET", "", false, 403},
                    GuardCase{"a form of another site", true, "POST", "127.0.0.1:9070", false, 403},
                    GuardCase{"a client that means it", true, "POST", "127.0.0.1:9070", true, 0}));

}  // namespace
}  // namespace weir::admin
