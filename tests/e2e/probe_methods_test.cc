// Probes of every forwarding method, by the real daemon, to near backends and to those behind a gateway: they
// find their backend as the service's packets would, and a backend without the VIP is down, as is one that
// answers from its own address.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <map>

#include "lab/daemon.h"
#include "lab/routed.h"
#include "lab/wait.h"
#include "tests/e2e/echo_server.h"
#include "tests/e2e/site.h"
#include "tests/e2e/udp.h"

namespace weir::e2e {
namespace {

using testing::Gt;

constexpr const char* kMethods[] = {"ipip", "gre", "fou", "gue"};
constexpr uint8_t kDscp = 46;
constexpr uint8_t kIgnored = 12;  // stands for nothing on the backends
constexpr uint16_t kFirstPort = 8000;
constexpr net::Port kDatagrams{9000};

struct Service {
    std::string name, vips, pool, forward;
    std::string check = "tcp: {}";

    bool is_ignored() const { return name.starts_with("ignored"); }
};

/// A backend of each LAN and family behind VIPs of both families, with every method that fits: by TCP; and by
/// the other carriers with some, so that each has near and far backends, tunnels of both kinds and NAT.
std::vector<Service> services() {
    const std::string vip4 = lab::Routed::kVip4;
    const std::string vip6 = fmt::format("\"{}\"", lab::Routed::kVip6);
    const std::string both = vip4 + ", " + vip6;
    const std::string dscp = fmt::format("{{dscp: {{value: {}}}}}", kDscp);
    const std::string udp =
        fmt::format("udp: {{send: 'who?', expect: ackend-}}, port: {}", kDatagrams.value());
    const std::string syn = fmt::format("syn: {{}}, port: {}", kFirstPort);
    std::vector<Service> all;
    for (const char* method : kMethods) all.push_back({method, both, "all", method});
    all.push_back({"dscp4", vip4, "v4", dscp});
    all.push_back({"dscp6", vip6, "v6", dscp});
    all.push_back({"ipip-udp", both, "all", "ipip", udp});
    all.push_back({"gue-udp", both, "all", "gue", udp});
    all.push_back({"dscp4-udp", vip4, "v4", dscp, udp});
    all.push_back({"dscp6-udp", vip6, "v6", dscp, udp});
    const std::string ignored = fmt::format("{{dscp: {{value: {}}}}}", kIgnored);
    const std::string tcp = fmt::format("tcp: {{}}, port: {}", kFirstPort);
    all.push_back({"ignored4", vip4, "v4", ignored, tcp});
    all.push_back({"ignored6", vip6, "v6", ignored, tcp});
    all.push_back({"ignored4-udp", vip4, "v4", ignored, udp});
    all.push_back({"gre-icmp", both, "all", "gre", "icmp: {}"});
    all.push_back({"fou-icmp", both, "all", "fou", "icmp: {}"});
    all.push_back({"gre-syn", both, "all", "gre", syn});
    all.push_back({"nat", vip4, "mapped", "nat"});
    all.push_back({"nat-udp", vip4, "v4", "nat", udp});
    all.push_back({"nat-icmp", vip4, "v4", "nat", "icmp: {}"});
    return all;
}

std::string configuration() {
    std::string text =
        "interfaces: [{name: eth0, mode: native}]\n"
        "pools:\n"
        "  all: {static: [10.1.10.10, 10.1.20.10, \"2001:db8:10::10\", \"2001:db8:20::10\"]}\n"
        "  v4: {static: [10.1.10.10, 10.1.20.10]}\n"
        "  v6: {static: [\"2001:db8:10::10\", \"2001:db8:20::10\"]}\n"
        "  mapped: {static: [{address: 10.1.10.10, port: 8000}, {address: 10.1.20.10, port: 8000}]}\n"
        "services:\n";
    unsigned port = kFirstPort;
    for (const auto& each : services())
        text += fmt::format(
            "  {}: {{vip: [{}], ports: [{}/tcp], pool: {}, forward: {},\n"
            "        checks: [{{{}, interval: 1s, timeout: 1s, history: 5, rise: 2, fall: 3}}]}}\n",
            each.name, each.vips, port++, each.pool, each.forward, each.check);
    return text;
}

class ProbeMethods : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::RoutedOptions{.lab = "probe-methods", .near = 1, .far = 1});
        const auto vip = [](const char* text) { return *net::Ip::parse(text); };
        site_->decapsulate({.dscp = {{kDscp, {vip(lab::Routed::kVip4), vip(lab::Routed::kVip6)}}}});
        for (size_t i = 0; i < site_->size(); ++i) {
            for (uint16_t port = kFirstPort; port < kFirstPort + 6; ++port)  // of those by TCP, but for NAT,
                servers_.emplace_back(site_->backend(i), net::Port(port));   // which is mapped to the first
            for (const std::string& own :
                 {std::string(lab::Routed::kVip4), std::string(lab::Routed::kVip6), site_->address4(i)})
                echoes_.emplace_back(site_->backend(i), net::Endpoint{*net::Ip::parse(own), kDatagrams},
                                     site_->backend(i).name());
        }
        daemon_.emplace(site_->balancer(), WEIR_BINARY, configuration());
    }

    /// Service to the health of its targets: "up", "down", or both.
    std::map<std::string, std::string> healths() const {
        std::map<std::string, std::string> seen;
        const auto plan = daemon_->get("/api/v1/plan");
        if (!plan) return seen;
        for (const auto& frontend : plan->at("frontends").as_array())
            for (const auto& target : frontend.at("targets").as_array()) {
                std::string& so_far = seen[std::string(frontend.at("service").as_string())];
                const std::string health(target.at("health").as_string());
                so_far = so_far.empty() || so_far == health ? health : "both";
            }
        return seen;
    }
    [[nodiscard]] testing::AssertionResult become(const std::string& health, const std::string& nat) {
        std::map<std::string, std::string> wanted;
        for (const auto& each : services())
            wanted[each.name] = each.is_ignored() ? "down" : each.forward == "nat" ? nat : health;
        if (lab::wait_until([&] { return healths() == wanted; }, kSoon)) return testing::AssertionSuccess();
        const auto listing =
            lab::run(site_->balancer(), {WEIR_BINARY, "--socket", daemon_->socket(), "backends"});
        return testing::AssertionFailure() << listing.out << daemon_->log();
    }
    /// Whose last probe failed like this, by service.
    std::map<std::string, std::string> reasons_of_the_ignored() const {
        std::map<std::string, std::string> reasons;
        const auto backends = lab::must(daemon_->get("/api/v1/backends"));
        for (const auto& row : backends.as_array()) {
            const std::string service(row.at("service").as_string());
            const std::string_view reason(row.at("reason").as_string());
            if (service.starts_with("ignored")) reasons[service] = reason.substr(0, reason.find(' '));
        }
        return reasons;
    }
    void set_vips(bool present) {
        const auto set = present ? &lab::Host::add_address : &lab::Host::remove_address;
        for (size_t i = 0; i < site_->size(); ++i) {
            (site_->backend(i).*set)("lo", fmt::format("{}/32", lab::Routed::kVip4));
            (site_->backend(i).*set)("lo", fmt::format("{}/128", lab::Routed::kVip6));
        }
    }

    std::optional<lab::Routed> site_;
    std::deque<EchoServer> servers_;
    std::deque<UdpEcho> echoes_;
    std::optional<lab::Daemon> daemon_;
};

TEST_F(ProbeMethods, FindTheVipOnEveryBackend) {
    ASSERT_TRUE(become("up", "up"));
    for (size_t i = 0; i < site_->size(); ++i) {
        const lab::DecapCounts counts = site_->decap(i).counts();
        for (uint64_t packets : {counts.ipip, counts.gre, counts.fou, counts.gue, counts.dscp})
            EXPECT_THAT(packets, Gt(0u)) << i;
        EXPECT_EQ(counts.bad(), 0u) << i;
    }
    using Reasons = std::map<std::string, std::string>;
    EXPECT_TRUE(lab::wait_until(
        [&] {
            return reasons_of_the_ignored() ==
                   Reasons{{"ignored4", "L4TOUT"}, {"ignored6", "L4TOUT"}, {"ignored4-udp", "L7TOUT"}};
        },
        kSoon))
        << testing::PrintToString(reasons_of_the_ignored());
}

TEST_F(ProbeMethods, MissTheVipWhereABackendHasLostIt) {
    ASSERT_TRUE(become("up", "up"));
    set_vips(false);
    EXPECT_TRUE(become("down", "up")) << "NAT needs no VIP";
    set_vips(true);
    EXPECT_TRUE(become("up", "up"));
}

}  // namespace
}  // namespace weir::e2e
