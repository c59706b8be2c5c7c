#include "engine/ipvs/difference.h"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include "engine/ipvs/plan_fixture.h"

namespace weir::engine::ipvs {
namespace {

using testing::ElementsAre, testing::IsEmpty;
using namespace std::chrono_literals;

const ServiceKey kWeb{ip("192.0.2.1"), net::Port(80), IPPROTO_TCP};
const ServiceKey kMark{net::Ip(), net::Port(0), 0, 7};
const auto kOne = at("10.0.0.1:80"), kTwo = at("10.0.0.2:80");
const Clock::Time kNow{1000s};

Wanted wants(std::map<net::Endpoint, Destination> destinations, std::set<net::Endpoint> cut = {}) {
    return {.services = {{kWeb, {{"wlc"}, std::move(destinations), std::move(cut)}}}};
}
Contents has(std::map<net::Endpoint, FoundDestination> destinations) {
    return {.services = {{kWeb, {{"wlc"}, std::move(destinations)}}}, .addresses = {kWeb.address}};
}
Destination weighing(uint32_t weight) {
    return {.weight = weight};
}
const Owned kOurs{.services = {kWeb}, .addresses = {kWeb.address}};

std::vector<Change> changes(const Wanted& wanted, const Contents& found, const Owned& owned = kOurs) {
    return difference(wanted, found, owned, {}, kNow).changes;
}

TEST(IpvsDifference, MakesAServiceBeforeItsAddress) {
    EXPECT_THAT(changes(wants({{kOne, weighing(1)}}), {}, {}),
                ElementsAre(AddService{kWeb, {"wlc"}}, AddDestination{kWeb, kOne, weighing(1)},
                            AddAddress{kWeb.address}));
}

TEST(IpvsDifference, IsEmptyWhereAllIsAsWanted) {
    EXPECT_THAT(changes(wants({{kOne, weighing(1)}}), has({{kOne, {weighing(1), {5, 5, 5, 5, 5}}}})),
                IsEmpty());
}

TEST(IpvsDifference, NeverTouchesWhatIsNotOurs) {
    auto made = difference(wants({{kOne, weighing(1)}}), has({{kTwo, {weighing(1)}}}), {}, {}, kNow);
    EXPECT_THAT(made.changes, IsEmpty());
    EXPECT_THAT(made.foreign, ElementsAre(kWeb));
    EXPECT_THAT(changes({}, has({}), {}), IsEmpty());
}

TEST(IpvsDifference, AddsNoAddressForSomebodyElsesService) {
    auto found = has({});
    found.addresses.clear();
    EXPECT_THAT(changes(wants({}), found, {}), IsEmpty());
}

TEST(IpvsDifference, TakesTheAddressAwayBeforeTheService) {
    EXPECT_THAT(changes({}, has({{kOne, {weighing(1)}}})),
                ElementsAre(RemoveAddress{kWeb.address}, RemoveService{kWeb}));
}

TEST(IpvsDifference, LeavesAnAddressThatItHasNotAdded) {
    EXPECT_THAT(changes({}, has({}), {.services = {kWeb}}), ElementsAre(RemoveService{kWeb}));
    EXPECT_THAT(changes(wants({}), has({}), {.services = {kWeb}}), IsEmpty());
}

TEST(IpvsDifference, NeedsNoAddressForAMark) {
    EXPECT_THAT(changes({.services = {{kMark, {{"wlc"}}}}}, {}, {}), ElementsAre(AddService{kMark, {"wlc"}}));
}

TEST(IpvsDifference, AddsBeforeItTakesAway) {
    auto wanted = wants({{kOne, weighing(1)}, {kTwo, weighing(9)}});
    auto found = has({{kOne, {weighing(5)}}, {at("10.0.0.3:80"), {weighing(1)}}});
    EXPECT_THAT(changes(wanted, found),
                ElementsAre(AddDestination{kWeb, kTwo, weighing(9)}, EditDestination{kWeb, kOne, weighing(1)},
                            EditDestination{kWeb, at("10.0.0.3:80"), weighing(0)}));
}

TEST(IpvsDifference, PutsBackSettings) {
    auto found = has({{kOne, {weighing(7)}}});
    found.services.at(kWeb).settings.scheduler = "rr";
    found.addresses.clear();
    EXPECT_THAT(changes(wants({{kOne, weighing(9)}}), found),
                ElementsAre(EditService{kWeb, {"wlc"}}, EditDestination{kWeb, kOne, weighing(9)},
                            AddAddress{kWeb.address}));
}

TEST(IpvsDifference, DrainsADestinationBeforeItGoes) {
    auto first = difference(wants({}), has({{kOne, {weighing(3), {1, 0}}}}), kOurs, {}, kNow);
    EXPECT_THAT(first.changes, ElementsAre(EditDestination{kWeb, kOne, weighing(0)}));
    EXPECT_EQ(first.drains, (Drains{{{kWeb, kOne}, kNow}}));

    auto busy = has({{kOne, {weighing(0), {0, 1}}}});
    auto second = difference(wants({}), busy, kOurs, first.drains, kNow + 1h);
    EXPECT_THAT(second.changes, IsEmpty());
    EXPECT_EQ(second.drains, first.drains);

    auto idle = difference(wants({}), has({{kOne, {weighing(0)}}}), kOurs, second.drains, kNow + 2h);
    EXPECT_THAT(idle.changes, ElementsAre(RemoveDestination{kWeb, kOne}));
    EXPECT_THAT(idle.drains, IsEmpty());
}

TEST(IpvsDifference, DrainsNoLongerThanADay) {
    const Drains drains{{{kWeb, kOne}, kNow}};
    auto busy = has({{kOne, {weighing(0), {1, 0}}}});
    EXPECT_THAT(difference(wants({}), busy, kOurs, drains, kNow + kLongestDrain - 1s).changes, IsEmpty());
    EXPECT_THAT(difference(wants({}), busy, kOurs, drains, kNow + kLongestDrain).changes,
                ElementsAre(RemoveDestination{kWeb, kOne}));
}

TEST(IpvsDifference, CutsADestinationThatMayHaveNoFlows) {
    EXPECT_THAT(changes(wants({}, {kOne}), has({{kOne, {weighing(3), {9, 9}}}})),
                ElementsAre(RemoveDestination{kWeb, kOne}));
}

TEST(IpvsDifference, TakesBackADestinationThatDrains) {
    auto made = difference(wants({{kOne, weighing(3)}}), has({{kOne, {weighing(0), {1, 0}}}}), kOurs,
                           {{{kWeb, kOne}, kNow}}, kNow);
    EXPECT_THAT(made.changes, ElementsAre(EditDestination{kWeb, kOne, weighing(3)}));
    EXPECT_THAT(made.drains, IsEmpty());
}

TEST(IpvsDifference, StartsAndStopsItsSyncDaemons) {
    const SyncDaemon daemon{"eth0", 3}, running{"eth0", 3, ip("224.0.0.81"), 8848, 1}, other{"eth1", 3};
    const Wanted wanted{.daemons = {{Role::master, daemon}}};
    EXPECT_THAT(changes(wanted, {}, {}), ElementsAre(StartDaemon{Role::master, daemon}));
    EXPECT_THAT(changes(wanted, {.daemons = {{Role::master, running}}}, {}), IsEmpty()) << "as wanted";
    EXPECT_THAT(changes(wanted, {.daemons = {{Role::master, other}}}, {.daemons = {Role::master}}),
                ElementsAre(StopDaemon{Role::master}, StartDaemon{Role::master, daemon}));
    auto foreign = difference(wanted, {.daemons = {{Role::master, other}}}, {}, {}, kNow);
    EXPECT_THAT(foreign.changes, IsEmpty());
    EXPECT_THAT(foreign.foreign_daemons, ElementsAre(Role::master));
    EXPECT_THAT(changes({}, {.daemons = {{Role::backup, other}}}, {.daemons = {Role::backup}}),
                ElementsAre(StopDaemon{Role::backup}));
    EXPECT_THAT(changes({}, {.daemons = {{Role::backup, other}}}, {}), IsEmpty());
}

TEST(IpvsDifference, SetsTimeoutsThatDiffer) {
    const Contents found{.timeouts = {900, 120, 300}};
    EXPECT_THAT(changes({.timeouts = {900, {}, {}}}, found, {}), IsEmpty());
    EXPECT_THAT(changes({.timeouts = {60, {}, {}}}, found, {}), ElementsAre(SetTimeouts{{60, {}, {}}}));
}

TEST(IpvsDifference, OwnsWhatItAddsUntilThatIsGone) {
    const std::vector<Change> made{AddService{kWeb, {"wlc"}}, AddAddress{kWeb.address},
                                   StartDaemon{Role::master, {"eth0"}}};
    auto owned = with_added({}, made);
    EXPECT_EQ(owned, (Owned{{kWeb}, {kWeb.address}, {Role::master}}));
    auto wanted = wants({});
    wanted.daemons = {{Role::master, {"eth0"}}};
    EXPECT_EQ(without_missing(owned, wanted, {}), owned) << "it is made again";
    EXPECT_EQ(without_missing(owned, {}, has({})), kOurs) << "it has still to be removed";
    EXPECT_EQ(without_missing(owned, {}, {}), Owned());
}

}  // namespace
}  // namespace weir::engine::ipvs
