#include "announce/bgp/export.h"

#include <gmock/gmock.h>

#include "announce/bgp/golden.h"

namespace weir::announce::bgp {
namespace {

using model::BgpAttributes, model::BgpPeer;
using net::Family;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const net::Ip kLocal4 = ip("10.1.10.100"), kLocal6 = ip("2001:db8:10::100");
const net::Prefix kVip4 = prefix("192.168.101.1/32"), kVip6 = prefix("2001:db8:101::1/128");

Agreed agreed(bool external = true) {
    Agreed agreed;
    agreed.dialect.external = external;
    agreed.families = {Family::v4, Family::v6};
    return agreed;
}

model::Frontend frontend(std::string_view vip, uint16_t port, std::string service, bool healthy = true) {
    model::Frontend out;
    out.key.vip = ip(vip);
    out.key.port = net::Port(port);
    out.service = std::move(service);
    out.healthy = healthy;
    out.serving = healthy ? model::Serving::pool : model::Serving::nothing;
    return out;
}

model::Plan plan(std::vector<model::Frontend> frontends) {
    std::ranges::sort(frontends, {}, &model::Frontend::key);
    model::Plan plan;
    plan.frontends = SharedList(std::move(frontends));
    return plan;
}

const Services kWeb{{"web", BgpAttributes{}}};

std::vector<net::Prefix> keys(const Vips& vips) {
    std::vector<net::Prefix> all;
    for (const auto& [vip, attributes] : vips) all.push_back(vip);
    return all;
}

Exported export_all(const BgpPeer& peer, const Agreed& with = agreed(), const net::Ip& local = kLocal4,
                    bool leaving = false) {
    return export_to(peer, with, 65000, local, {{kVip4, {}}, {kVip6, {}}}, leaving);
}

TEST(BgpVips, AreThoseOfHealthyServices) {
    auto both = plan({frontend("192.168.101.1", 80, "web"), frontend("192.168.101.2", 80, "web", false)});
    EXPECT_THAT(keys(vips_of(both, kWeb)), ElementsAre(kVip4));
}

TEST(BgpVips, NeedAllTheirServicesHealthy) {
    auto half = plan({frontend("192.168.101.1", 80, "web"), frontend("192.168.101.1", 443, "tls", false)});
    EXPECT_THAT(vips_of(half, kWeb), IsEmpty());
}

TEST(BgpVips, AreNoneOfASilentPlan) {
    auto silent = plan({frontend("192.168.101.1", 80, "web")});
    silent.silent = true;
    EXPECT_THAT(vips_of(silent, kWeb), IsEmpty());
}

TEST(BgpVips, AreNoneOfServicesThatAreNotAnnounced) {
    auto web = plan({frontend("192.168.101.1", 80, "web")});
    EXPECT_THAT(vips_of(web, {{"web", std::nullopt}}), IsEmpty());
    EXPECT_THAT(vips_of(web, {}), IsEmpty());
}

TEST(BgpVips, HaveTheAttributesOfTheServiceThatGivesSome) {
    auto shared = plan({frontend("192.168.101.1", 80, "web"), frontend("192.168.101.1", 443, "tls")});
    BgpAttributes special{.med = 7};
    EXPECT_EQ(vips_of(shared, {{"web", BgpAttributes{}}, {"tls", special}}).at(kVip4), special);
    EXPECT_EQ(vips_of(shared, {{"web", special}, {"tls", BgpAttributes{}}}).at(kVip4), special);
}

TEST(BgpExport, TellsAnotherAsThePathAndNoPreference) {
    BgpPeer peer{.attributes = {.med = 10, .local_pref = 200, .prepend = 2, .communities = {7}}};
    auto routes = export_all(peer).routes;
    ASSERT_TRUE(routes.contains(kVip4));
    EXPECT_EQ(
        routes.at(kVip4),
        (Attributes{.next_hop = kLocal4, .as_path = {65000, 65000, 65000}, .med = 10, .communities = {7}}));
}

TEST(BgpExport, TellsTheOwnAsAPreferenceAndNoPath) {
    BgpPeer peer{.attributes = {.prepend = 2}};
    EXPECT_EQ(export_all(peer, agreed(false)).routes.at(kVip4),
              (Attributes{.next_hop = kLocal4, .local_pref = 100}));
    peer.attributes.local_pref = 200;
    EXPECT_EQ(export_all(peer, agreed(false)).routes.at(kVip4).local_pref, 200u);
}

TEST(BgpExport, HasNoNextHopThatLeadsNobodyHere) {
    for (auto local : {"127.0.0.1", "::1"}) {
        auto exported = export_all({}, agreed(), ip(local));
        EXPECT_THAT(exported.routes, IsEmpty()) << local;
        EXPECT_EQ(exported.withheld.at(kVip4), "the session has no IPv4 next hop; set 'next_hop:'");
        EXPECT_EQ(exported.withheld.at(kVip6), "the session has no IPv6 next hop; set 'next_hop:'");
    }
    BgpPeer peer{.next_hop_v4 = kLocal4};
    EXPECT_EQ(export_all(peer, agreed(), ip("127.0.0.1")).routes.at(kVip4).next_hop, kLocal4);
    peer.address = kLocal4;
    EXPECT_EQ(export_all(peer).withheld.at(kVip4), "the next hop 10.1.10.100 is the peer itself");
}

TEST(BgpExport, PutsTheServicesAttributesBeforeThePeers) {
    BgpPeer peer{.attributes = {.med = 10, .prepend = 3, .communities = {5, 9}}};
    BgpAttributes own{.med = 1, .prepend = 0, .communities = {7, 9}, .large_communities = {{1, 2, 3}}};
    auto routes = export_to(peer, agreed(), 65000, kLocal4, {{kVip4, own}}, false).routes;
    EXPECT_EQ(routes.at(kVip4), (Attributes{.next_hop = kLocal4,
                                            .as_path = {65000},
                                            .med = 1,
                                            .communities = {5, 7, 9},
                                            .large_communities = {{1, 2, 3}}}));
}

TEST(BgpExport, FiltersByPrefixes) {
    BgpPeer peer{.accept = {prefix("192.168.0.0/16")}, .reject = {prefix("192.168.101.0/24")}};
    Vips vips{{prefix("10.0.0.1/32"), {}},
              {prefix("192.168.0.0/15"), {}},
              {kVip4, {}},
              {prefix("192.168.7.7/32"), {}}};
    auto exported = export_to(peer, agreed(), 65000, kLocal4, vips, false);
    EXPECT_THAT(exported.routes, ElementsAre(Pair(prefix("192.168.7.7/32"), testing::_)));
    EXPECT_EQ(exported.withheld.at(prefix("10.0.0.1/32")), "'export:' has no prefix around it");
    EXPECT_EQ(exported.withheld.at(prefix("192.168.0.0/15")), "'export:' has no prefix around it");
    EXPECT_EQ(exported.withheld.at(kVip4), "'reject:' has a prefix around it");
}

TEST(BgpExport, WithholdsAFamilyThatThePeerHasNot) {
    auto one = agreed();
    one.families = {Family::v4};
    EXPECT_EQ(export_all({.next_hop_v6 = kLocal6}, one).withheld.at(kVip6),
              "the peer has not enabled IPv6 unicast");
}

TEST(BgpExport, HasTheSessionsOwnAddressAsNextHopUnlessAnotherIsSet) {
    auto over4 = export_all({});
    EXPECT_EQ(over4.routes.at(kVip4).next_hop, kLocal4);
    EXPECT_EQ(over4.withheld.at(kVip6), "the session has no IPv6 next hop; set 'next_hop:'");
    auto set = export_all({.next_hop_v4 = ip("10.1.10.7"), .next_hop_v6 = kLocal6});
    EXPECT_EQ(set.routes.at(kVip4).next_hop, ip("10.1.10.7"));
    EXPECT_EQ(set.routes.at(kVip6).next_hop, kLocal6);
}

TEST(BgpExport, HasAnIpv6NextHopForIpv4WhereThePeerTakesIt) {
    auto over6 = export_all({}, agreed(), kLocal6);
    EXPECT_EQ(over6.routes.at(kVip6).next_hop, kLocal6);
    EXPECT_EQ(over6.withheld.at(kVip4), "the session has no IPv4 next hop; set 'next_hop:'");
    auto able = agreed();
    able.dialect.v4_over_v6 = true;
    EXPECT_EQ(export_all({}, able, kLocal6).routes.at(kVip4).next_hop, kLocal6);
    EXPECT_EQ(export_all({.next_hop_v4 = kLocal4}, able, kLocal6).routes.at(kVip4).next_hop, kLocal4);
}

TEST(BgpExport, AsksToPreferOthersBeforeItLeaves) {
    auto external = export_all({.attributes = {.communities = {7}}}, agreed(), kLocal4, true);
    EXPECT_THAT(external.routes.at(kVip4).communities, ElementsAre(7u, kGracefulShutdown));
    auto internal = export_all({}, agreed(false), kLocal4, true);
    EXPECT_EQ(internal.routes.at(kVip4).local_pref, 0u);
}

class BgpRib : public testing::Test {
  protected:
    static Attributes via(std::string_view hop, uint32_t med = 0) {
        return {.next_hop = ip(hop), .as_path = {65000}, .med = med};
    }
    /// How many prefixes the messages announce and withdraw.
    std::pair<size_t, size_t> replace(Routes routes) {
        messages_ = rib_.replace(std::move(routes));
        std::pair<size_t, size_t> counts;
        for (const auto& message : messages_) {
            auto read = read_message(message, {});
            EXPECT_TRUE(read);
            counts.first += std::get<Received>(*read).announced;
            counts.second += std::get<Received>(*read).withdrawn;
        }
        return counts;
    }

    AdjRibOut rib_;
    std::vector<Bytes> messages_;
};

TEST_F(BgpRib, SaysOnlyWhatHasChanged) {
    Routes routes{{kVip4, via("10.1.10.100")}, {prefix("10.0.0.1/32"), via("10.1.10.100")}};
    EXPECT_EQ(replace(routes), std::pair(2ul, 0ul));
    EXPECT_THAT(messages_, SizeIs(1)) << "those of the same attributes go together";
    EXPECT_EQ(replace(routes), std::pair(0ul, 0ul));
    EXPECT_THAT(messages_, IsEmpty());
    routes[kVip4].med = 5;
    EXPECT_EQ(replace(routes), std::pair(1ul, 0ul));
    routes.erase(kVip4);
    EXPECT_EQ(replace(routes), std::pair(0ul, 1ul));
    EXPECT_THAT(messages_, ElementsAre(withdrawals(std::span(&kVip4, 1))[0]));
}

TEST_F(BgpRib, WithdrawsBeforeItAnnounces) {
    replace({{kVip4, via("10.1.10.100")}});
    EXPECT_EQ(replace({{prefix("10.0.0.1/32"), via("10.1.10.100")}}), std::pair(1ul, 1ul));
    ASSERT_THAT(messages_, SizeIs(2));
    EXPECT_EQ(std::get<Received>(*read_message(messages_[0], {})).withdrawn, 1u);
}

TEST_F(BgpRib, SaysAFamilyAgain) {
    replace({{kVip4, via("10.1.10.100")}, {kVip6, via("2001:db8:10::100")}});
    EXPECT_EQ(rib_.again(Family::v4), announcements(std::span(&kVip4, 1), via("10.1.10.100"), {}));
    EXPECT_EQ(rib_.again(Family::v6), announcements(std::span(&kVip6, 1), via("2001:db8:10::100"), {}));
}

}  // namespace
}  // namespace weir::announce::bgp
