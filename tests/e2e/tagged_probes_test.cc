// Probes on a VLAN trunk: weir's tc filters beside those that put on and take off the tags.
#include "lab/vlan.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

class TaggedProbes : public SiteTest {};

TEST_F(TaggedProbes, FindTheirBackendsInTheVlan) {
    Site site;
    const lab::VlanOptions trunk{
        .vlans = {{10, {*net::Prefix::parse("10.1.10.0/24"), *net::Prefix::parse("2001:db8:10::/64")}}}};
    const lab::Vlan balancer(site.balancer(), lab::Dsr::kInterface, trunk);
    std::deque<lab::Vlan> backends;
    for (size_t i = 0; i < site.dsr().size(); ++i)
        backends.emplace_back(site.dsr().backend(i), lab::Dsr::kInterface, lab::VlanOptions::access(10));
    site.start({.backends = "10.1.10.10, \"2001:db8:10::11\", 10.1.10.12"});
    EXPECT_GT(balancer.sent(10), 0u);
    EXPECT_GT(balancer.received(10), 0u);
    for (const lab::Vlan& backend : backends) EXPECT_GT(backend.received(10), 0u);
}

}  // namespace
}  // namespace weir::e2e
