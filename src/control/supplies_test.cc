#include "control/supplies.h"

#include <gmock/gmock.h>

#include "control/sample.h"

namespace weir::control {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

model::SourceSpec spec(std::string name) {
    return {"fake", {{"name", std::move(name)}}};
}

Feed::Members members(std::initializer_list<std::string_view> addresses) {
    Feed::Members all;
    for (auto address : addresses)
        all.emplace(ip(address), discovery::Found{ip(address), net::Port(8080), 3, 1});
    return all;
}

std::vector<std::string> addresses(const model::Pool& pool) {
    std::vector<std::string> all;
    for (const auto& backend : pool.backends) all.push_back(backend.address.text());
    return all;
}

class SuppliesTest : public testing::Test {
  protected:
    SuppliesTest() {
        config.pools["web"].backends = {{ip("10.0.0.1")}};
        config.pools["web"].sources = {spec("a"), spec("b")};
    }
    Filled filled(const Feed::Members& a, const Feed::Members& b) {
        return fill(config, {{"web", {{spec("a"), a}, {spec("b"), b}}}});
    }

    model::Config config = sample_config();
};

TEST_F(SuppliesTest, StandBehindWhatTheFileHasInTheOrderOfTheSources) {
    auto made = filled(members({"10.0.0.3"}), members({"10.0.0.2"}));
    EXPECT_THAT(addresses(made.config.pools.at("web")), ElementsAre("10.0.0.1", "10.0.0.3", "10.0.0.2"));
    const auto& backend = made.config.pools.at("web").backends[1];
    EXPECT_EQ(backend.weight, 3u);
    EXPECT_EQ(backend.priority, 1u);
}

TEST_F(SuppliesTest, AreThereOnceAndTheFirstCounts) {
    auto made = filled(members({"10.0.0.1", "10.0.0.2"}), members({"10.0.0.2"}));
    EXPECT_THAT(addresses(made.config.pools.at("web")), ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_EQ(made.config.pools.at("web").backends[0].weight, 1u);
    EXPECT_THAT(made.left_out.at("web"), ElementsAre(IsEmpty(), IsEmpty()));
}

TEST_F(SuppliesTest, HavePortsWhereSomebodySendsToThem) {
    EXPECT_FALSE(filled(members({"10.0.0.2"}), {}).config.pools.at("web").backends[1].port);
    config.services["web"].vips = {net::only(kSampleV4.vip)};
    config.services["web"].forward.kind = model::ForwardKind::nat;
    EXPECT_EQ(filled(members({"10.0.0.2"}), {}).config.pools.at("web").backends[1].port, net::Port(8080));
}

TEST_F(SuppliesTest, LeaveOutWhatTheServicesCannotReach) {
    auto& service = config.services["web"];
    auto made = filled(members({"192.0.2.1"}), {});
    EXPECT_THAT(made.left_out.at("web")[0],
                ElementsAre("192.0.2.1: it is in the VIP 192.0.2.1/32 of service 'web'"));
    service.vips = {net::only(kSampleV4.vip)};
    service.forward.kind = model::ForwardKind::nat;
    service.forward.sources = {net::Prefix::parse("10.9.0.0/24").value()};
    made = filled(members({"2001:db8::5", "10.9.0.7"}), {});
    EXPECT_THAT(addresses(made.config.pools.at("web")), ElementsAre("10.0.0.1"));
    EXPECT_THAT(made.left_out.at("web")[0],
                ElementsAre(HasSubstr("10.9.0.7: it is in 10.9.0.0/24, which stands"),
                            HasSubstr("2001:db8::5: it is of another family")));
    service.forward = {.kind = model::ForwardKind::ipip,
                       .sources = {net::Prefix::parse("10.9.0.0/24").value()}};
    EXPECT_THAT(filled(members({"2001:db8::5"}), {}).left_out.at("web")[0],
                ElementsAre(HasSubstr("has no tunnel 'source' of its family")));
}

TEST_F(SuppliesTest, AreOfTheFamilyThatIpvsCanReach) {
    auto& service = config.services["web"];
    service.vips = {net::only(kSampleV4.vip)};
    service.engine = model::EngineKind::ipvs;
    service.ipvs.emplace();
    auto left_out = [&] { return filled(members({"2001:db8::5"}), {}).left_out.at("web")[0]; };
    service.forward.kind = model::ForwardKind::dsr;
    EXPECT_THAT(left_out(), ElementsAre(HasSubstr("of another family than the VIP")));
    service.forward.kind = model::ForwardKind::ipip;
    EXPECT_THAT(left_out(), IsEmpty());
    config.ipvs_sync.emplace();
    EXPECT_THAT(left_out(), ElementsAre(HasSubstr("of another family than the VIP")));
    service.vips.clear();
    service.mark = model::Mark{7, net::Family::v4};
    EXPECT_THAT(left_out(), ElementsAre(HasSubstr("of another family than the mark")));
}

TEST_F(SuppliesTest, AreOfTheFamilyThatAProxyReachesWithTheClientsAddress) {
    auto& service = config.services["web"];
    service.vips = {net::only(kSampleV4.vip)};
    service.engine = model::EngineKind::proxy;
    service.forward.kind = model::ForwardKind::proxy;
    service.proxy.emplace();
    auto left_out = [&] { return filled(members({"2001:db8::5", "10.0.0.2"}), {}).left_out.at("web")[0]; };
    EXPECT_THAT(left_out(), IsEmpty());
    service.proxy->transparent = true;
    EXPECT_THAT(left_out(), ElementsAre("2001:db8::5: it is of another family than the VIP 192.0.2.1/32 of "
                                        "service 'web', which 'transparent' cannot cross"));
}

TEST_F(SuppliesTest, AreNoMoreThanTheTableHasEntries) {
    config.services["web"].scheduler.table_size = 2;
    auto made = filled(members({"10.0.0.2", "10.0.0.3"}), {});
    EXPECT_THAT(addresses(made.config.pools.at("web")), ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_THAT(made.left_out.at("web")[0],
                ElementsAre(HasSubstr("10.0.0.3: the table of service 'web' has 2")));
}

TEST_F(SuppliesTest, OfSourcesThatAreTheSameGoOn) {
    Supplies former{{"web", {{spec("a"), members({"10.0.0.2"})}, {spec("b"), members({"10.0.0.3"})}}}};
    std::swap(config.pools["web"].sources[0], config.pools["web"].sources[1]);
    auto now = carried_over(former, config).at("web");
    EXPECT_EQ(now[0], former["web"][1]);
    EXPECT_EQ(now[1], former["web"][0]);
}

TEST_F(SuppliesTest, OfSourcesThatGoAreTheNewOnes) {
    Supplies former{{"web", {{spec("a"), members({"10.0.0.2"})}, {spec("gone"), members({"10.0.0.3"})}}}};
    auto now = carried_over(former, config).at("web");
    EXPECT_EQ(now[0].members, members({"10.0.0.2"}));
    EXPECT_EQ(now[1].members, members({"10.0.0.3"}));
    config.pools["web"].sources = {spec("a")};
    EXPECT_EQ(carried_over(former, config).at("web").size(), 1u);
    config.pools["web"].sources.clear();
    EXPECT_THAT(carried_over(former, config), IsEmpty());
}

}  // namespace
}  // namespace weir::control
