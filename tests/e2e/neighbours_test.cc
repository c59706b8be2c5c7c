// Neighbours against the kernel: a balancer's namespace and a peer's, joined by a veth pair.
#include "net/neighbours.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "base/unique_fd.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Ip ip(const std::string& text) {
    return Ip::parse(text).value();
}
Mac mac(const std::string& text) {
    return Mac::parse(text).value();
}

template <class T, void (*put)(T*)>
struct Free {
    void operator()(T* object) const { put(object); }
};
template <class T, void (*put)(T*)>
using Held = std::unique_ptr<T, Free<T, put>>;
using HeldSocket = Held<nl_sock, nl_socket_free>;
using HeldLink = Held<rtnl_link, rtnl_link_put>;
using HeldAddress = Held<rtnl_addr, rtnl_addr_put>;
using HeldRoute = Held<rtnl_route, rtnl_route_put>;
using HeldNl = Held<nl_addr, nl_addr_put>;

HeldNl parse(const std::string& text) {
    nl_addr* out = nullptr;
    EXPECT_EQ(nl_addr_parse(text.c_str(), AF_UNSPEC, &out), 0) << text;
    return HeldNl(out);
}

/// A network namespace of this thread's making; it ends with its last descriptor.
class Space {
  public:
    Space() {
        EXPECT_EQ(unshare(CLONE_NEWNET), 0);
        fd_ = current();
        socket_.reset(nl_socket_alloc());
        EXPECT_EQ(nl_connect(socket_.get(), NETLINK_ROUTE), 0);
        up("lo");
    }
    static UniqueFd current() { return UniqueFd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }
    void enter() const { ASSERT_EQ(setns(fd_.get(), CLONE_NEWNET), 0); }
    int fd() const { return fd_.get(); }

    void veth(const std::string& name, const std::string& hardware, const Space& other,
              const std::string& other_hardware) {
        HeldLink link(rtnl_link_veth_alloc());
        auto* peer = rtnl_link_veth_get_peer(link.get());
        rtnl_link_set_name(link.get(), name.c_str());
        rtnl_link_set_addr(link.get(), parse(hardware).get());
        rtnl_link_set_name(peer, name.c_str());
        rtnl_link_set_addr(peer, parse(other_hardware).get());
        rtnl_link_set_ns_fd(peer, other.fd());
        EXPECT_EQ(rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL), 0);
        rtnl_link_put(peer);
    }
    void up(const std::string& name) {
        change(name, [](rtnl_link* link) { rtnl_link_set_flags(link, IFF_UP); });
    }
    void down(const std::string& name) {
        change(name, [](rtnl_link* link) { rtnl_link_unset_flags(link, IFF_UP); });
    }
    void set_mac(const std::string& name, const std::string& hardware) {
        change(name, [&](rtnl_link* link) { rtnl_link_set_addr(link, parse(hardware).get()); });
    }
    void add_address(const std::string& name, const std::string& text) {
        EXPECT_EQ(rtnl_addr_add(socket_.get(), address(name, text).get(), 0), 0) << text;
    }
    void remove_address(const std::string& name, const std::string& text) {
        EXPECT_EQ(rtnl_addr_delete(socket_.get(), address(name, text).get(), 0), 0) << text;
    }
    void add_route(const std::string& prefix, const std::string& name, const std::string& gateway = "") {
        EXPECT_EQ(rtnl_route_add(socket_.get(), route(prefix, name, gateway, RTN_UNICAST).get(), 0), 0);
    }
    void add_local_route(const std::string& prefix) {
        EXPECT_EQ(rtnl_route_add(socket_.get(), route(prefix, "lo", "", RTN_LOCAL).get(), 0), 0);
    }
    void remove_route(const std::string& prefix, const std::string& name) {
        EXPECT_EQ(rtnl_route_delete(socket_.get(), route(prefix, name, "", RTN_UNICAST).get(), 0), 0);
    }
    void set(const std::string& key, const std::string& value) const {
        auto before = current();
        enter();
        std::ofstream("/proc/sys/net/" + key) << value;
        EXPECT_EQ(setns(before.get(), CLONE_NEWNET), 0);
    }

  private:
    HeldLink find(const std::string& name) {
        rtnl_link* link = nullptr;
        EXPECT_EQ(rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &link), 0) << name;
        return HeldLink(link);
    }
    template <class Edit>
    void change(const std::string& name, Edit edit) {
        HeldLink wanted(rtnl_link_alloc());
        edit(wanted.get());
        EXPECT_EQ(rtnl_link_change(socket_.get(), find(name).get(), wanted.get(), 0), 0) << name;
    }
    HeldAddress address(const std::string& name, const std::string& text) {
        HeldAddress out(rtnl_addr_alloc());
        rtnl_addr_set_ifindex(out.get(), rtnl_link_get_ifindex(find(name).get()));
        EXPECT_EQ(rtnl_addr_set_local(out.get(), parse(text).get()), 0);
        rtnl_addr_set_flags(out.get(), IFA_F_NODAD);
        return out;
    }
    HeldRoute route(const std::string& prefix, const std::string& name, const std::string& gateway,
                    uint8_t type) {
        HeldRoute out(rtnl_route_alloc());
        rtnl_route_set_dst(out.get(), parse(prefix).get());
        rtnl_route_set_type(out.get(), type);
        rtnl_route_set_table(out.get(), type == RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
        auto* hop = rtnl_route_nh_alloc();
        rtnl_route_nh_set_ifindex(hop, rtnl_link_get_ifindex(find(name).get()));
        if (!gateway.empty()) rtnl_route_nh_set_gateway(hop, parse(gateway).get());
        rtnl_route_add_nexthop(out.get(), hop);
        return out;
    }

    UniqueFd fd_;
    HeldSocket socket_;
};

class NeighboursTest : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes network namespaces";
        home_ = Space::current();
        peer_.emplace();
        balancer_.emplace();
        balancer_->veth("eth0", "02:00:00:00:00:01", *peer_, "02:00:00:00:00:02");
        for (auto* space : {&*balancer_, &*peer_}) space->up("eth0");
        balancer_->add_address("eth0", "10.0.0.1/24");
        balancer_->add_address("eth0", "2001:db8::1/64");
        peer_->add_address("eth0", "10.0.0.2/24");
        peer_->add_address("eth0", "2001:db8::2/64");
        auto opened = Neighbours::open(io_.get_executor(), [this] { changes_++; });
        ASSERT_TRUE(opened) << opened.error().message;
        neighbours_ = std::move(*opened);
    }
    void TearDown() override { ASSERT_TRUE(!home_ || setns(home_.get(), CLONE_NEWNET) == 0); }

    /// Lets events come until the condition holds.
    bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
        auto deadline = std::chrono::steady_clock::now() + limit;
        while (!condition())
            if (io_.run_one_until(deadline) == 0) return condition();
        return true;
    }
    bool resolves_to(const std::string& address, const std::string& hardware) {
        return until([&] {
            auto found = neighbours_->find(ip(address));
            return found && found->mac == mac(hardware);
        });
    }
    /// Waits until the address is refused for another reason than that it is new.
    std::string reason(const std::string& address) {
        auto known = [&] {
            auto found = neighbours_->find(ip(address));
            return !found && !found.error().message.ends_with("not resolved yet");
        };
        if (!until(known)) return "no reason in time";
        return neighbours_->find(ip(address)).error().message;
    }

    UniqueFd home_;
    std::optional<Space> peer_;
    std::optional<Space> balancer_;
    boost::asio::io_context io_;
    int changes_ = 0;
    std::unique_ptr<Neighbours> neighbours_;
};

TEST_F(NeighboursTest, FindsWhereAnIpv4AndAnIpv6BackendAre) {
    neighbours_->watch({ip("10.0.0.2"), ip("2001:db8::2")});
    EXPECT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    EXPECT_TRUE(resolves_to("2001:db8::2", "02:00:00:00:00:02"));
    auto link = neighbours_->link("eth0");
    ASSERT_TRUE(link);
    Neighbour expected{link->index, mac("02:00:00:00:00:02"), mac("02:00:00:00:00:01")};
    EXPECT_EQ(neighbours_->find(ip("10.0.0.2")).value(), expected);
    EXPECT_EQ(neighbours_->find(ip("2001:db8::2")).value(), expected);
    EXPECT_GT(changes_, 0);
}

TEST_F(NeighboursTest, KnowsTheLinksAndTheirAddresses) {
    auto link = neighbours_->link("eth0");
    ASSERT_TRUE(link);
    EXPECT_TRUE(link->up);
    EXPECT_EQ(link->mac, mac("02:00:00:00:00:01"));
    EXPECT_EQ(link->mtu, 1500u);
    EXPECT_THAT(link->addresses, testing::IsSupersetOf({ip("10.0.0.1"), ip("2001:db8::1")}));
    EXPECT_EQ(neighbours_->link(link->index), link);
    EXPECT_FALSE(neighbours_->link("eth7"));
    balancer_->add_address("eth0", "10.0.5.1/24");
    EXPECT_TRUE(until([&] { return neighbours_->link("eth0")->addresses.back() == ip("10.0.5.1"); }));
    balancer_->remove_address("eth0", "10.0.5.1/24");
    EXPECT_TRUE(until([&] { return neighbours_->link("eth0") == link; }));
}

TEST_F(NeighboursTest, SaysThatABackendDoesNotAnswer) {
    neighbours_->watch({ip("10.0.0.9"), ip("2001:db8::9")});
    EXPECT_EQ(neighbours_->find(ip("10.0.0.9")).error().message, "10.0.0.9 is not resolved yet");
    EXPECT_EQ(reason("10.0.0.9"), "10.0.0.9 does not answer ARP on eth0");
    EXPECT_EQ(reason("2001:db8::9"), "2001:db8::9 does not answer neighbour discovery on eth0");
}

TEST_F(NeighboursTest, FindsABackendThatComesLate) {
    neighbours_->watch({ip("10.0.0.3")});
    EXPECT_EQ(reason("10.0.0.3"), "10.0.0.3 does not answer ARP on eth0");
    peer_->add_address("eth0", "10.0.0.3/24");
    EXPECT_TRUE(resolves_to("10.0.0.3", "02:00:00:00:00:02"));
}

TEST_F(NeighboursTest, FollowsTheMacOfABackend) {
    neighbours_->watch({ip("10.0.0.2"), ip("2001:db8::2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    ASSERT_TRUE(resolves_to("2001:db8::2", "02:00:00:00:00:02"));
    // A backend whose hardware changes announces itself, when it is told to.
    peer_->set("ipv4/conf/eth0/arp_notify", "1");
    peer_->set("ipv6/conf/eth0/ndisc_notify", "1");
    peer_->set_mac("eth0", "02:00:00:00:00:22");
    EXPECT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:22"));
    EXPECT_TRUE(resolves_to("2001:db8::2", "02:00:00:00:00:22"));
}

TEST_F(NeighboursTest, KeepsTheMacWhileADeletedEntryIsResolvedAgain) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    int interface = neighbours_->link("eth0")->index;
    auto netlink = Netlink::open().value();
    ndmsg header{};
    header.ndm_family = AF_INET;
    header.ndm_ifindex = interface;
    ASSERT_TRUE(netlink.ask(Message(RTM_DELNEIGH, 0, header).put(NDA_DST, ip("10.0.0.2").bytes())));
    ASSERT_FALSE(ask_neighbour(netlink, interface, ip("10.0.0.2")));
    bool kept = true;
    EXPECT_TRUE(until([&] {
        kept = kept && neighbours_->find(ip("10.0.0.2")).has_value();
        auto entry = ask_neighbour(netlink, interface, ip("10.0.0.2"));
        return entry && entry->mac;
    }));
    EXPECT_TRUE(kept);
}

TEST_F(NeighboursTest, FollowsItsOwnMac) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    balancer_->set_mac("eth0", "02:00:00:00:00:11");
    EXPECT_TRUE(until([&] {
        auto found = neighbours_->find(ip("10.0.0.2"));
        return found && found->source_mac == mac("02:00:00:00:00:11");
    }));
}

TEST_F(NeighboursTest, SaysThatAnInterfaceIsDownAndComesBackWithIt) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    balancer_->down("eth0");
    EXPECT_EQ(reason("10.0.0.2"), "interface eth0 is down");
    balancer_->up("eth0");
    EXPECT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
}

TEST_F(NeighboursTest, SaysThatTheCarrierIsLost) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    peer_->down("eth0");
    EXPECT_EQ(reason("10.0.0.2"), "interface eth0 is down");
    peer_->up("eth0");
    EXPECT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
}

TEST_F(NeighboursTest, FollowsRoutes) {
    peer_->add_address("eth0", "10.7.0.2/32");
    neighbours_->watch({ip("10.7.0.2")});
    EXPECT_THAT(reason("10.7.0.2"), HasSubstr("no route to 10.7.0.2"));
    balancer_->add_route("10.7.0.0/24", "eth0");
    EXPECT_TRUE(resolves_to("10.7.0.2", "02:00:00:00:00:02"));
    balancer_->remove_route("10.7.0.0/24", "eth0");
    EXPECT_THAT(reason("10.7.0.2"), HasSubstr("no route to 10.7.0.2"));
}

TEST_F(NeighboursTest, RefusesWhatIsBehindAGateway) {
    balancer_->add_route("10.8.0.0/16", "eth0", "10.0.0.2");
    balancer_->add_route("2001:db8:8::/48", "eth0", "2001:db8::2");
    neighbours_->watch({ip("10.8.1.1"), ip("2001:db8:8::1")});
    EXPECT_THAT(reason("10.8.1.1"), HasSubstr("10.8.1.1 is behind the gateway 10.0.0.2"));
    EXPECT_THAT(reason("2001:db8:8::1"), HasSubstr("is behind the gateway 2001:db8::2"));
}

TEST_F(NeighboursTest, RefusesWhatIsNotOneOtherMachine) {
    neighbours_->watch({ip("10.0.0.1"), ip("2001:db8::1"), ip("127.0.0.1"), ip("10.0.0.255"), ip("fe80::1"),
                        ip("224.0.0.1")});
    EXPECT_EQ(reason("10.0.0.1"), "10.0.0.1 is an address of this machine");
    EXPECT_EQ(reason("2001:db8::1"), "2001:db8::1 is an address of this machine");
    EXPECT_EQ(reason("127.0.0.1"), "127.0.0.1 is an address of this machine");
    EXPECT_EQ(reason("10.0.0.255"), "10.0.0.255 is a broadcast address");
    EXPECT_THAT(reason("fe80::1"), HasSubstr("link-local"));
    EXPECT_EQ(reason("224.0.0.1"), "224.0.0.1 is not one machine's address");
    EXPECT_EQ(neighbours_->find(ip("10.0.0.2")).error().message, "10.0.0.2 is not watched");
}

TEST_F(NeighboursTest, ForgetsWhatIsNoLongerWatched) {
    neighbours_->watch({ip("10.0.0.2"), ip("10.0.0.1")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    neighbours_->watch({ip("10.0.0.1")});
    EXPECT_EQ(neighbours_->find(ip("10.0.0.2")).error().message, "10.0.0.2 is not watched");
}

TEST_F(NeighboursTest, TellsOfManyChangesInFewCalls) {
    peer_->add_local_route("10.6.0.0/24");  // so that it answers for all of them
    balancer_->add_route("10.6.0.0/24", "eth0");
    std::set<Ip> addresses;
    for (uint8_t i = 1; i <= 200; i++) addresses.insert(Ip::v4({10, 6, 0, i}));
    neighbours_->watch(addresses);
    EXPECT_TRUE(until([&] {
        return std::ranges::all_of(addresses,
                                   [&](const Ip& one) { return neighbours_->find(one).has_value(); });
    }));
    EXPECT_LT(changes_, 50);
    int before = changes_;
    until([] { return false; }, 300ms);
    EXPECT_EQ(changes_, before) << "nothing changed meanwhile";
}

TEST_F(NeighboursTest, LooksAtTenThousandAddressesWithinAFewSeconds) {
    std::set<Ip> addresses;
    for (unsigned i = 0; i < 10000; i++)
        addresses.insert(Ip::v4({172, 16, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}));
    neighbours_->watch(addresses);
    EXPECT_THAT(reason("172.16.0.0"), HasSubstr("no route"));
    EXPECT_THAT(reason("172.16.39.15"), HasSubstr("no route"));
}

TEST_F(NeighboursTest, ReadsEverythingAgainWhenEventsWereLost) {
    neighbours_->watch({ip("10.0.0.2")});
    ASSERT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
    for (int i = 0; i < 3000; i++) {  // more than the socket holds
        balancer_->add_address("lo", "10.99.0.1/32");
        balancer_->remove_address("lo", "10.99.0.1/32");
    }
    balancer_->add_address("eth0", "10.0.5.1/24");
    balancer_->set_mac("eth0", "02:00:00:00:00:11");
    EXPECT_TRUE(until([&] { return neighbours_->link("eth0")->mac == mac("02:00:00:00:00:11"); }));
    EXPECT_THAT(neighbours_->link("eth0")->addresses, testing::Contains(ip("10.0.5.1")));
    EXPECT_TRUE(resolves_to("10.0.0.2", "02:00:00:00:00:02"));
}

}  // namespace
}  // namespace weir::net
