// One interface on a trunk: what comes with a tag or without leaves with the tag of the backend's VLAN, or
// without one.
//
//     client ──── 10.1.10.1, 10.1.20.1, 10.1.30.1 tagged, 10.1.40.1 untagged; asks from 10.9.0.1
//     balancer ── 10.1.*.100 likewise
//     ten ─────── 10.1.10.10, a port in VLAN 10
//     twenty ──── 10.1.20.10, a port in VLAN 20
//     plain ───── 10.1.40.10, a port in no VLAN
//
// What weir sends passes the balancer's stand-in for VLAN devices by (lab/vlan.h): the tags are weir's own.
#include "lab/vlan.h"

#include <ostream>

#include "lab/decap.h"
#include "lab/ip_batch.h"
#include "tests/e2e/site.h"
#include "tests/e2e/visit.h"

namespace weir::e2e {
namespace {

constexpr uint16_t kUntagged = 40;
constexpr const char* kVips[] = {"192.168.101.1", "2001:db8:101::1"};

struct Backend {
    const char* name;
    uint16_t lan;
};
constexpr Backend kBackends[] = {{"ten", 10}, {"twenty", 20}, {"plain", kUntagged}};

struct Row {
    const char* name;
    const char* forward;
    uint16_t from;  // the LAN that the client's packets come in by
    const char* mode = "native";
    unsigned megabytes = 64;  // of a download

    bool nat() const { return std::string(forward) == "nat"; }
    Row with_long_download() const {
        Row row = *this;
        row.megabytes = 1024;
        return row;
    }
    bool native() const { return std::string(mode) == "native"; }
};
void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

std::string address(bool v4, unsigned lan, unsigned number) {
    return v4 ? fmt::format("10.1.{}.{}", lan, number) : fmt::format("2001:db8:{}::{}", lan, number);
}
std::vector<net::Prefix> prefixes(unsigned lan) {
    return {*net::Prefix::parse(address(true, lan, 0) + "/24"),
            *net::Prefix::parse(fmt::format("2001:db8:{}::/64", lan))};
}

class Trunk {
  public:
    explicit Trunk(const Row& row) : row_(row) {
        std::vector<lab::Host*> hosts = {&client(), &balancer()};
        for (const Backend& each : kBackends) hosts.push_back(&lab_.host(each.name));
        lab_.lan("switch", hosts, "eth0", {.xdp_pass = row.native(), .whole_checksums = row.native()});
        for (uint16_t lan : {10, 20, 30, 40}) {
            add(client(), lan, 1);
            add(balancer(), lan, 100);
        }
        add_client();
        lab::VlanOptions trunk{.untagged = true};
        for (uint16_t id : {10, 20, 30}) trunk.vlans[id] = prefixes(id);
        at_balancer_.emplace(balancer(), "eth0", trunk);
        for (const Backend& each : kBackends) add_backend(each);
        daemon_.emplace(balancer(), WEIR_BINARY, yaml());
    }

    lab::Host& client() { return lab_.host("client"); }
    lab::Host& balancer() { return lab_.host("balancer"); }
    const lab::Vlan& at_client() { return *at_client_; }
    const lab::Vlan& at_balancer() { return *at_balancer_; }
    const lab::Vlan& at_backend(uint16_t id) { return at_backends_.at(id); }
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
    void add(lab::Host& host, uint16_t lan, unsigned number) {
        host.add_address("eth0", address(true, lan, number) + "/24");
        host.add_address("eth0", address(false, lan, number) + "/64");
    }

    /// With NAT it is in its own LAN only, and takes answers with no other tag.
    void add_client() {
        client().sysctl("net.ipv4.conf.all.arp_announce", "2");  // an answer to 10.9.0.1 would have no tag
        lab::VlanOptions tags{.untagged = !row_.nat() || row_.from == kUntagged};
        for (uint16_t id : {10, 20, 30})
            if (!row_.nat() || id == row_.from) tags.vlans[id] = prefixes(id);
        if (row_.from != kUntagged)
            for (const char* vips : {"192.168.101.0/24", "2001:db8:101::/64"})
                tags.vlans[row_.from].push_back(*net::Prefix::parse(vips));
        at_client_.emplace(client(), "eth0", tags);
        client().add_address("lo", "10.9.0.1/32");
        client().add_address("lo", "2001:db8:9::1/128");
        lab::ip_batch(client(), fmt::format("route add 192.168.101.0/24 via {} src 10.9.0.1\n"
                                            "route add 2001:db8:101::/64 via {} src 2001:db8:9::1\n",
                                            address(true, row_.from, 100), address(false, row_.from, 100)));
    }

    void add_backend(const Backend& each) {
        lab::Host& host = lab_.host(each.name);
        host.sysctl("net.ipv4.conf.all.arp_ignore", "1");
        host.sysctl("net.ipv4.conf.all.arp_announce", "2");
        add(host, each.lan, 10);
        std::vector<std::string> served;
        for (bool v4 : {true, false}) {
            host.add_route("default", address(v4, each.lan, row_.nat() ? 100 : 1));
            const std::string own = row_.nat() ? address(v4, each.lan, 10) : kVips[v4 ? 0 : 1];
            if (!row_.nat()) host.add_address("lo", own + (v4 ? "/32" : "/128"));
            served.push_back(v4 ? own : fmt::format("[{}]", own));
        }
        if (each.lan != kUntagged)
            at_backends_.try_emplace(each.lan, host, "eth0", lab::VlanOptions::access(each.lan));
        if (!row_.nat())
            decaps_.emplace_back(
                host, "eth0",
                lab::DecapOptions{.dscp = {{10, {*net::Ip::parse(kVips[0]), *net::Ip::parse(kVips[1])}}}});
        servers_.emplace_back(host, served, std::vector{80u}, row_.megabytes);
    }

    std::string yaml() const {
        return fmt::format(
            "interfaces: [{{name: eth0, mode: {0}}}]\n"
            "vlans: {{10: [10.1.10.0/24, \"2001:db8:10::/64\"], 20: [10.1.20.0/24, \"2001:db8:20::/64\"]}}\n"
            "pools:\n"
            "  v4: {{static: [10.1.10.10, 10.1.20.10, 10.1.40.10]}}\n"
            "  v6: {{static: [\"2001:db8:10::10\", \"2001:db8:20::10\", \"2001:db8:40::10\"]}}\n"
            "services:\n"
            "  v4: {{vip: {1}, ports: [80/tcp, 80/udp], pool: v4, forward: {3}}}\n"
            "  v6: {{vip: \"{2}\", ports: [80/tcp, 80/udp], pool: v6, forward: {3}}}\n",
            row_.mode, kVips[0], kVips[1], row_.forward);
    }

    Row row_;
    lab::Lab lab_{"trunk"};
    std::optional<lab::Vlan> at_client_, at_balancer_;
    std::map<uint16_t, lab::Vlan> at_backends_;
    std::deque<lab::Decap> decaps_;
    std::deque<NamedServer> servers_;
    std::optional<lab::Daemon> daemon_;
};

class Vlans : public SiteTest, public testing::WithParamInterface<Row> {};

TEST_P(Vlans, LeadToEachBackendFromTheClients) {
    const Row& row = GetParam();
    Trunk trunk(row);
    for (const char* vip : {"192.168.101.1:80", "[2001:db8:101::1]:80"})
        ASSERT_TRUE(visit(trunk.client(), vip, {"ten", "twenty", "plain"}, row.megabytes)) << trunk.state();
    constexpr uint64_t kFew = 60;  // of the balancer's own host: ARP and neighbour discovery
    for (uint16_t id : {10, 20}) {
        EXPECT_GT(trunk.at_backend(id).received(id), 2 * kFew) << "VLAN " << id;
        EXPECT_LT(trunk.at_balancer().sent(id), kFew) << "the tags were not weir's, VLAN " << id;
    }
    if (row.nat() && row.from != kUntagged) {
        EXPECT_GT(trunk.at_client().received(row.from), 2 * kFew);
        EXPECT_LT(trunk.at_balancer().sent(row.from), kFew);
    }
    EXPECT_EQ(trunk.bad_envelopes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Methods, Vlans,
    testing::Values(Row{"dsrFromTheSameVlan", "dsr", 10},
                    Row{"dsrFromAnother", "dsr", 30}.with_long_download(),
                    Row{"dsrFromNone", "dsr", kUntagged}, Row{"ipipFromAnother", "ipip", 30},
                    Row{"ipipFromNone", "ipip", kUntagged}, Row{"natFromTheSameVlan", "nat", 10},
                    Row{"natFromAnother", "nat", 30}.with_long_download(), Row{"greFromAnother", "gre", 30},
                    Row{"fouFromAnother", "fou", 30}, Row{"gueFromAnother", "gue", 30},
                    Row{"dscpFromAnother", "{dscp: {value: 10}}", 30}, Row{"natFromNone", "nat", kUntagged},
                    Row{"dsrGeneric", "dsr", 30, "generic"}, Row{"ipipGeneric", "ipip", kUntagged, "generic"},
                    Row{"natGeneric", "nat", 30, "generic"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir::e2e
