// A balancer with two interfaces, the clients on one LAN and the backends on the other; and the same two as
// ports of a bridge, which make one LAN.
//
//     client eth0 10.1.1.1 ──────── eth0 10.1.1.100 balancer eth1 10.1.10.100 ──┬─ one 10.1.10.10
//            eth1 10.1.10.1, for answers that do not come back by weir ─────────┴─ two 10.1.10.11
#include <ostream>

#include "lab/decap.h"
#include "lab/ip_batch.h"
#include "tests/e2e/site.h"
#include "tests/e2e/visit.h"

namespace weir::e2e {
namespace {

constexpr unsigned kMegabytes = 64;
constexpr const char* kVips[] = {"192.168.101.1", "2001:db8:101::1"};
constexpr const char* kBridge = "[{name: br0, mode: generic}]";
constexpr const char* kNative = "[{name: eth0, mode: native}, {name: eth1, mode: native}]";
constexpr const char* kGeneric = "[{name: eth0, mode: generic}, {name: eth1, mode: generic}]";
constexpr const char* kNativeToGeneric = "[{name: eth0, mode: native}, {name: eth1, mode: generic}]";
constexpr const char* kGenericToNative = "[{name: eth0, mode: generic}, {name: eth1, mode: native}]";

struct Row {
    const char* name;
    const char* forward;
    const char* interfaces;

    bool nat() const { return std::string(forward) == "nat"; }
    bool bridge() const { return interfaces == kBridge; }
    bool native() const { return std::string(interfaces).find("native") != std::string::npos; }
};
void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

std::string address(bool v4, unsigned lan, unsigned number) {
    return v4 ? fmt::format("10.1.{}.{}", lan, number) : fmt::format("2001:db8:{}::{}", lan, number);
}

class TwoLans {
  public:
    explicit TwoLans(const Row& row) : row_(row) {
        // Whole checksums go with packets of one MTU: what is merged cannot be redirected in generic mode.
        const lab::LanOptions wire{.xdp_pass = row.native(), .whole_checksums = !row.bridge()};
        lab_.lan("front", {&client(), &balancer()}, "eth0", wire);
        lab::Host& back = lab_.lan("back", {&lab_.host("one"), &lab_.host("two")}, "eth0", wire);
        lab_.plug(back, balancer(), "eth1", wire);
        if (row.bridge()) {
            lab::ip_batch(balancer(),
                          "link add br0 type bridge\n"
                          "link set eth0 master br0\n"
                          "link set eth1 master br0\n"
                          "link set br0 up\n");
            balancer().await_carrier("br0");
            add(balancer(), "br0", 10, 100);
        } else {
            add(balancer(), "eth0", 1, 100);
            add(balancer(), "eth1", 10, 100);
            lab_.plug(back, client(), "eth1", wire);
            add(client(), "eth1", 10, 1);
        }
        const unsigned front = row.bridge() ? 10 : 1;
        add(client(), "eth0", front, 1);
        client().add_address("lo", "10.9.0.1/32");
        client().add_address("lo", "2001:db8:9::1/128");
        lab::ip_batch(client(), fmt::format("route add 192.168.101.0/24 via {} src 10.9.0.1\n"
                                            "route add 2001:db8:101::/64 via {} src 2001:db8:9::1\n",
                                            address(true, front, 100), address(false, front, 100)));
        add_backend("one", 10);
        add_backend("two", 11);
        daemon_.emplace(balancer(), WEIR_BINARY, yaml());
    }

    lab::Host& client() { return lab_.host("client"); }
    lab::Host& balancer() { return lab_.host("balancer"); }
    uint64_t bad_envelopes() const {
        uint64_t bad = 0;
        for (const lab::Decap& decap : decaps_) bad += decap.counts().bad();
        return bad;
    }
    std::string state() {
        return lab::run(balancer(), {WEIR_BINARY, "--socket", daemon_->socket(), "status"}).out +
               daemon_->log();
    }

  private:
    void add(lab::Host& host, const std::string& ifname, unsigned lan, unsigned number) {
        host.add_address(ifname, address(true, lan, number) + "/24");
        host.add_address(ifname, address(false, lan, number) + "/64");
    }

    void add_backend(const std::string& name, unsigned number) {
        lab::Host& host = lab_.host(name);
        host.sysctl("net.ipv4.conf.all.arp_ignore", "1");
        host.sysctl("net.ipv4.conf.all.arp_announce", "2");
        add(host, "eth0", 10, number);
        std::vector<std::string> served;
        for (bool v4 : {true, false}) {
            host.add_route("default", address(v4, 10, row_.nat() ? 100 : 1));
            const std::string own = row_.nat() ? address(v4, 10, number) : kVips[v4 ? 0 : 1];
            if (!row_.nat()) host.add_address("lo", own + (v4 ? "/32" : "/128"));
            served.push_back(v4 ? own : fmt::format("[{}]", own));
        }
        if (!row_.nat())
            decaps_.emplace_back(
                host, "eth0",
                lab::DecapOptions{.dscp = {{10, {*net::Ip::parse(kVips[0]), *net::Ip::parse(kVips[1])}}}});
        servers_.emplace_back(host, served, std::vector{80u}, kMegabytes);
    }

    std::string yaml() const {
        return fmt::format(
            "interfaces: {0}\n"
            "pools:\n"
            "  v4: {{static: [10.1.10.10, 10.1.10.11]}}\n"
            "  v6: {{static: [\"2001:db8:10::10\", \"2001:db8:10::11\"]}}\n"
            "services:\n"
            "  v4: {{vip: {1}, ports: [80/tcp, 80/udp], pool: v4, forward: {3}}}\n"
            "  v6: {{vip: \"{2}\", ports: [80/tcp, 80/udp], pool: v6, forward: {3}}}\n",
            row_.interfaces, kVips[0], kVips[1], row_.forward);
    }

    Row row_;
    lab::Lab lab_{"twolans"};
    std::deque<lab::Decap> decaps_;
    std::deque<NamedServer> servers_;
    std::optional<lab::Daemon> daemon_;
};

class Interfaces : public SiteTest, public testing::WithParamInterface<Row> {};

TEST_P(Interfaces, CarryFromTheClientsToTheBackends) {
    TwoLans lans(GetParam());
    for (const char* vip : {"192.168.101.1:80", "[2001:db8:101::1]:80"})
        ASSERT_TRUE(visit(lans.client(), vip, {"one", "two"}, kMegabytes)) << lans.state();
    EXPECT_EQ(lans.bad_envelopes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Methods, Interfaces,
    testing::Values(Row{"dsrAcross", "dsr", kNative}, Row{"ipipAcross", "ipip", kNative},
                    Row{"dscpAcross", "{dscp: {value: 10}}", kNative}, Row{"natAcross", "nat", kNative},
                    Row{"ipipAcrossGeneric", "ipip", kGeneric}, Row{"natAcrossGeneric", "nat", kGeneric},
                    Row{"natFromNativeToGeneric", "nat", kNativeToGeneric},
                    Row{"natFromGenericToNative", "nat", kGenericToNative},
                    Row{"dsrOnABridge", "dsr", kBridge}, Row{"ipipOnABridge", "ipip", kBridge},
                    Row{"natOnABridge", "nat", kBridge}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir::e2e
