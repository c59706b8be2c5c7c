// VIPs in the clients' own network: no route leads to them, weir says by ARP and neighbour discovery that
// they are here.
#include <gmock/gmock.h>
#include <linux/rtnetlink.h>
#include <sys/stat.h>

#include <algorithm>

#include "lab/tcp.h"
#include "net/rtnetlink.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr const char* kVip4 = "10.1.10.200";
constexpr const char* kVip6 = "2001:db8:10::200";
const net::Mac kOthersMac{{2, 0, 0, 0, 0, 0x77}};

Yaml announcing() {
    Yaml yaml;
    yaml.vips = fmt::format("{}, \"{}\"", kVip4, kVip6);
    yaml.services = "    announce: {arp: true}\n";  // still of the service `web`
    return yaml;
}

/// What the host's kernel believes of an address.
std::optional<net::Mac> neighbour(lab::Host& host, const std::string& address) {
    const auto wanted = lab::must(net::Ip::parse(address));
    std::optional<net::Mac> found;
    auto netlink = host.run([] { return lab::must(net::Netlink::open()); });
    (void)net::dump(netlink, RTM_GETNEIGH, [&](const nlmsghdr& message) {
        const auto entry = net::decode_neighbour(message);
        if (entry && entry->address == wanted) found = entry->mac;
    });
    return found;
}

class Announce : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "announce"});
        for (size_t i = 0; i < site_->dsr().size(); ++i) {
            site_->dsr().backend(i).add_address("lo", std::string(kVip4) + "/32");
            site_->dsr().backend(i).add_address("lo", std::string(kVip6) + "/128");
        }
        // What the client has learnt stays until somebody tells it otherwise.
        site_->client().sysctl("net.ipv4.neigh.eth0.base_reachable_time_ms", "3600000");
        site_->client().sysctl("net.ipv6.neigh.eth0.base_reachable_time_ms", "3600000");
        site_->start(announcing());
        ASSERT_TRUE(lab::wait_until([&] { return is_healthy(site_->daemon()); }, kSoon));
    }

    /// One more host on the LAN.
    lab::Host& add(const std::string& name) {
        auto& host = lab().host(name);
        lab().plug(lab().host("switch"), host, "eth0", {.xdp_pass = true});
        return host;
    }
    lab::Lab& lab() { return site_->dsr().lab(); }

    static bool is_healthy(lab::Daemon& daemon) {
        const auto services = daemon.get("/api/v1/services");
        return services && services->at(0).at("healthy").as_bool();
    }
    [[nodiscard]] bool await_neighbour(const std::string& vip, const net::Mac& mac) {
        return lab::wait_until([&] { return neighbour(site_->client(), vip) == mac; }, kSoon);
    }
    /// `curl` from the client: the name of the backend that answered.
    std::string curl(const std::string& url) {
        const auto done = lab::run(site_->client(), {"curl", "-sS", "--noproxy", "*", "-m", "5", url});
        return done.out + done.err;
    }
    void expect_service() {
        EXPECT_THAT(curl(fmt::format("http://{}/", kVip4)), testing::StartsWith("backend-"));
        EXPECT_THAT(curl(fmt::format("http://[{}]/", kVip6)), testing::StartsWith("backend-"));
    }
    /// Another host takes the VIPs, and says so by its own kernel.
    lab::Host& somebody_else_claims_the_vips() {
        auto& host = add("other");
        host.add_address("eth0", std::string(kVip4) + "/24");
        host.add_address("eth0", std::string(kVip6) + "/64");
        host.sysctl("net.ipv4.conf.eth0.arp_notify", "1");
        host.sysctl("net.ipv6.conf.eth0.ndisc_notify", "1");
        host.set_mac("eth0", kOthersMac);
        return host;
    }

    std::optional<Site> site_;
};

TEST_F(Announce, LetsClientsWithoutARouteFindTheVips) {
    expect_service();
    const auto ours = site_->balancer().mac("eth0");
    EXPECT_THAT(neighbour(site_->client(), kVip4), Optional(ours));
    EXPECT_THAT(neighbour(site_->client(), kVip6), Optional(ours));
}

TEST_F(Announce, IsFollowedByClientsWhenAnotherBalancerTakesOver) {
    expect_service();
    auto& second = add("second");
    second.add_address("eth0", "10.1.10.101/24");
    second.add_address("eth0", "2001:db8:10::101/64");
    lab().host("switch").set_up("balancer", false);
    lab::Daemon daemon(second, WEIR_BINARY, announcing().text());
    EXPECT_TRUE(await_neighbour(kVip4, second.mac("eth0"))) << daemon.log();
    EXPECT_TRUE(await_neighbour(kVip6, second.mac("eth0"))) << daemon.log();
    expect_service();
}

TEST_F(Announce, IsLeftToOneOfTwoBalancersThatShareTheirFlows) {
    lab::TempDir secrets;
    const std::string key = secrets.write("sync.key", "the lab's key, which is no secret\n");
    ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
    auto yaml = announcing();
    const auto at = [&](const char* node) {
        yaml.settings = fmt::format(
            "node: {{address: {}}}\nsync: {{group: \"239.83.1.1:8383\", interface: eth0, key_file: {}}}\n",
            node, key);
        return yaml;
    };
    ASSERT_TRUE(site_->reload(at("10.1.10.100")));
    expect_service();
    const auto ours = site_->balancer().mac("eth0");
    auto& second = add("second");
    second.add_address("eth0", "10.1.10.101/24");
    second.add_address("eth0", "2001:db8:10::101/64");
    lab::Daemon daemon(second, WEIR_BINARY, at("10.1.10.101").text());
    const auto shares = [&] {
        const auto report = daemon.get("/api/v1/sync");
        const auto is_up = [](const auto& peer) { return peer.at("state") == "up"; };
        return report && std::ranges::any_of(report->at("peers").as_array(), is_up);
    };
    ASSERT_TRUE(lab::wait_until([&] { return shares() && is_healthy(daemon); }, kSoon)) << daemon.log();
    EXPECT_FALSE(lab::wait_until([&] { return neighbour(site_->client(), kVip4) != ours; }, 3s))
        << "the second one does not answer";

    lab().host("switch").set_up("balancer", false);
    EXPECT_TRUE(await_neighbour(kVip4, second.mac("eth0"))) << daemon.log();
    EXPECT_TRUE(await_neighbour(kVip6, second.mac("eth0"))) << daemon.log();
    expect_service();
    lab().host("switch").set_up("balancer", true);
    EXPECT_TRUE(await_neighbour(kVip4, ours)) << daemon.log() << site_->daemon().log();
    EXPECT_TRUE(await_neighbour(kVip6, ours)) << daemon.log() << site_->daemon().log();
    expect_service();
}

TEST_F(Announce, WaitsAfterAFreshStartUntilTheChecksHadTheirSay) {
    expect_service();
    auto& second = add("second");
    second.add_address("eth0", "10.1.10.101/24");
    second.add_address("eth0", "2001:db8:10::101/64");
    lab().host("switch").set_up("balancer", false);
    // One backend's check never ends, so it never has had its say; the others are up.
    auto yaml = announcing();
    yaml.check =
        "{exec: {command: [/bin/sh, -c, '[ $WEIR_BACKEND != 10.1.10.12 ] || sleep 3600']}, "
        "interval: 1h, timeout: 1h}";
    yaml.settings = "announce: {learn: 1h}\n";
    lab::Daemon daemon(second, WEIR_BINARY, yaml.text());
    ASSERT_TRUE(lab::wait_until([&] { return is_healthy(daemon); }, kSoon)) << daemon.log();
    EXPECT_FALSE(lab::connect_tcp(site_->client(), lab::endpoint(fmt::format("{}:80", kVip4)), 500ms))
        << "the client has been told of the second balancer";
    yaml.settings = "";
    daemon.reload(yaml.text());
    EXPECT_TRUE(await_neighbour(kVip4, second.mac("eth0"))) << daemon.log();
    EXPECT_TRUE(await_neighbour(kVip6, second.mac("eth0"))) << daemon.log();
    expect_service();
}

TEST_F(Announce, ComesAgainWhenTheCableIsBack) {
    expect_service();
    somebody_else_claims_the_vips();
    ASSERT_TRUE(await_neighbour(kVip4, kOthersMac));
    ASSERT_TRUE(await_neighbour(kVip6, kOthersMac));
    lab().host("switch").set_up("other", false);
    lab().host("switch").set_up("balancer", false);
    ASSERT_TRUE(lab::wait_until([&] { return !is_healthy(site_->daemon()); }, kSoon));
    lab().host("switch").set_up("balancer", true);
    EXPECT_TRUE(await_neighbour(kVip4, site_->balancer().mac("eth0"))) << site_->daemon().log();
    EXPECT_TRUE(await_neighbour(kVip6, site_->balancer().mac("eth0"))) << site_->daemon().log();
    expect_service();
}

TEST_F(Announce, TellsWhoElseClaimsAVip) {
    ASSERT_TRUE(site_->get("/api/v1/status").at("claims").as_array().empty());
    auto& other = somebody_else_claims_the_vips();
    const auto claims = [&] { return site_->get("/api/v1/status").at("claims").as_array(); };
    ASSERT_TRUE(lab::wait_until([&] { return claims().size() == 2; }, kSoon)) << site_->daemon().log();
    EXPECT_EQ(claims()[0].at("vip").as_string(), kVip4);
    EXPECT_EQ(claims()[0].at("mac").as_string(), kOthersMac.text());
    EXPECT_EQ(claims()[0].at("interface").as_string(), "eth0");
    EXPECT_EQ(claims()[1].at("vip").as_string(), kVip6);

    const auto line = fmt::format("{} is also claimed by {} on eth0", kVip4, kOthersMac.text());
    EXPECT_THAT(site_->weir({"status"}).out, HasSubstr("! " + line));
    EXPECT_THAT(lab::must(lab::http_get(site_->daemon().socket(), "/metrics")),
                HasSubstr(fmt::format("weir_vip_claimed{{vip=\"{}\",mac=\"{}\",interface=\"eth0\"}} 1\n",
                                      kVip4, kOthersMac.text())));

    // With another MAC he is another one. When the first comes again, the log has had its line.
    other.set_mac("eth0", {{2, 0, 0, 0, 0, 0x78}});
    ASSERT_TRUE(lab::wait_until([&] { return claims().size() == 4; }, kSoon));
    const auto last_at = claims()[0].at("last_at");
    other.set_mac("eth0", kOthersMac);
    ASSERT_TRUE(lab::wait_until([&] { return claims()[0].at("last_at") != last_at; }, kSoon));
    const auto log = site_->daemon().log();
    const auto first = log.find(line);
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(log.find(line, first + 1), std::string::npos) << log;
}

}  // namespace
}  // namespace weir::e2e
