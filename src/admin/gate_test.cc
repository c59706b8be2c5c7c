#include "admin/gate.h"

#include <gmock/gmock.h>
#include <unistd.h>

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

const model::FileText kViewer{std::string("viewer-0123456789")};
const model::FileText kOperator{std::string("operator-0123456789")};

class GateTest : public testing::Test {
  protected:
    Request request(const std::string& token = "", const std::string& method = "GET") const {
        Request made;
        made.method = method;
        made.path = "/api/v1/status";
        made.over_tcp = true;
        made.host = "weir.example.org";
        if (!token.empty()) made.authorization = "Bearer " + token;
        return made;
    }
    unsigned ask(const Peer& peer, Request made) { return gate.admit(peer, made).status; }
    uint64_t refused(Refused why) { return gate.tally().refused[static_cast<size_t>(why)]; }
    static Peer peer(const char* address) { return {.address = net::Ip::parse(address).value()}; }

    std::chrono::steady_clock::time_point now{1h};
    Gate gate{{.remote = {.per_second = 10, .burst = 20},
               .local = {.per_second = 100, .burst = 200},
               .failures = {.per_second = 1, .burst = 3}},
              [this] { return now; }};
    const Peer one = peer("192.0.2.1");
};

TEST_F(GateTest, GivesEachTokenItsRole) {
    gate.set_tokens(kViewer, kOperator);
    auto views = request("viewer-0123456789"), operates = request("operator-0123456789", "POST");
    EXPECT_EQ(gate.admit(one, views).status, 0u);
    EXPECT_EQ(views.role, Role::views);
    EXPECT_EQ(gate.admit(one, operates).status, 0u) << "and the Host and X-Weir headers do not count";
    EXPECT_EQ(operates.role, Role::operates);
    EXPECT_EQ(refused(Refused::unauthorized), 0u);
}

TEST_F(GateTest, LetsAViewerChangeNothing) {
    gate.set_tokens(kViewer, kOperator);
    for (auto method : {"POST", "DELETE", "PUT", "PATCH"})
        EXPECT_EQ(ask(one, request("viewer-0123456789", method)), 403u) << method;
    EXPECT_EQ(refused(Refused::forbidden), 4u);
}

TEST_F(GateTest, AsksForATokenAndRefusesEveryOther) {
    gate.set_tokens(kViewer, {});
    auto none = request();
    auto asked = gate.admit(one, none);
    EXPECT_EQ(asked.status, 401u);
    EXPECT_EQ(asked.headers["WWW-Authenticate"], R"(Bearer realm="weir")");
    auto wrong = request("viewer-012345678");
    asked = gate.admit(one, wrong);
    EXPECT_EQ(asked.status, 401u);
    EXPECT_THAT(asked.headers["WWW-Authenticate"], StartsWith("Bearer "));
    EXPECT_EQ(wrong.role, Role::none);
    EXPECT_EQ(refused(Refused::unauthorized), 2u);
}

TEST_F(GateTest, ReadsTheHeaderAsItsStandardHasIt) {
    gate.set_tokens(kViewer, {});
    for (const auto& [header, status] :
         std::vector<std::pair<std::string, unsigned>>{{"bearer viewer-0123456789", 0},
                                                       {"BEARER   viewer-0123456789", 0},
                                                       {"Bearer viewer-0123456789 ", 401},
                                                       {"Bearer", 401},
                                                       {"Bearer ", 401},
                                                       {"Basic viewer-0123456789", 401},
                                                       {"viewer-0123456789", 401}}) {
        auto made = request();
        made.authorization = header;
        EXPECT_EQ(ask(one, made), status) << header;
        now += 10s;
    }
}

TEST_F(GateTest, ComparesNoTokensWhereTooManyWereWrong) {
    gate.set_tokens(kViewer, kOperator);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(one, request("guess-0123456789")), 401u);
    auto right = request("operator-0123456789");
    auto later = gate.admit(one, right);
    EXPECT_EQ(later.status, 429u) << "not even a good one, or guesses could go on";
    EXPECT_EQ(later.headers["Retry-After"], "1");
    EXPECT_EQ(ask(peer("192.0.2.2"), request("operator-0123456789")), 0u);
    now += 1s;
    EXPECT_EQ(ask(one, request("operator-0123456789")), 0u);
}

TEST_F(GateTest, LimitsTheRequestsOfAnAddress) {
    gate.set_tokens(kViewer, kOperator);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(one, request("viewer-0123456789")), 0u);
    EXPECT_EQ(ask(one, request("viewer-0123456789")), 429u);
    EXPECT_FALSE(gate.admits_handshake(one));
    EXPECT_EQ(refused(Refused::limited), 2u);
    EXPECT_TRUE(gate.admits_handshake(peer("192.0.2.2")));
    now += 100ms;
    EXPECT_TRUE(gate.admits_handshake(one));
    EXPECT_EQ(ask(one, request("viewer-0123456789")), 429u);
}

TEST_F(GateTest, TakesTheAddressesOfAnIpv6NetworkForOneClient) {
    for (int i = 0; i < 20; ++i) gate.admits_handshake(peer("2001:db8::1"));
    EXPECT_FALSE(gate.admits_handshake(peer("2001:db8::ffff:2")));
    EXPECT_TRUE(gate.admits_handshake(peer("2001:db8:0:1::1")));
}

TEST_F(GateTest, LeavesHealthOpenToEverybody) {
    gate.set_tokens(kViewer, kOperator);
    auto health = request();
    health.path = "/healthz";
    EXPECT_EQ(gate.admit(one, health).status, 0u);
    EXPECT_EQ(health.role, Role::none);
    health.method = "POST";
    EXPECT_EQ(ask(one, health), 401u);
}

TEST_F(GateTest, KeepsWebPagesOutWhereThereAreNoTokens) {
    const Peer here = peer("127.0.0.1");
    EXPECT_EQ(ask(here, request()), 403u);
    EXPECT_EQ(refused(Refused::unsafe), 1u);
    auto local = request("", "POST");
    local.host = "127.0.0.1:9070";
    EXPECT_EQ(ask(here, local), 403u);
    local.marked = true;
    EXPECT_EQ(gate.admit(here, local).status, 0u);
    EXPECT_EQ(local.role, Role::operates);
}

TEST_F(GateTest, TakesNobodyElseForAnOperatorOnceTheTokensAreGone) {
    gate.set_tokens(kViewer, kOperator);
    gate.set_tokens({}, {});
    auto made = request("", "POST");
    made.host = "192.0.2.9";
    made.marked = true;
    EXPECT_EQ(gate.admit(one, made).status, 403u);
    EXPECT_EQ(made.role, Role::none);
    EXPECT_EQ(refused(Refused::stranger), 1u);
}

TEST_F(GateTest, LetsRootAndItselfDoEverythingOverTheUnixSocketAndNobodyElse) {
    gate.set_tokens(kViewer, kOperator);
    for (uid_t user : {uid_t{0}, ::geteuid()}) {
        auto made = request("", "POST");
        EXPECT_EQ(gate.admit({.user = user}, made).status, 0u);
        EXPECT_EQ(made.role, Role::operates);
    }
    auto stranger = request("operator-0123456789");
    EXPECT_EQ(gate.admit({.user = ::geteuid() + 1000}, stranger).status, 403u);
    EXPECT_EQ(stranger.role, Role::none);
    EXPECT_EQ(refused(Refused::stranger), 1u);
}

TEST_F(GateTest, SaysWhenItsTokensHaveChanged) {
    gate.set_tokens(kViewer, kOperator);
    auto before = gate.generation();
    gate.set_tokens(model::FileText(std::string(kViewer.view())), kOperator);
    EXPECT_EQ(gate.generation(), before);
    gate.set_tokens({}, kOperator);
    EXPECT_NE(gate.generation(), before);
    EXPECT_EQ(ask(one, request("viewer-0123456789")), 401u);
}

}  // namespace
}  // namespace weir::admin
