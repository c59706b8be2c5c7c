// Probes of every forwarding method, by the real daemon, to near backends and to those behind a gateway: they
// find their backend as the service's packets would, and a backend without the VIP is down.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <map>

#include "lab/daemon.h"
#include "lab/routed.h"
#include "lab/wait.h"
#include "tests/e2e/echo_server.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::Gt;

constexpr const char* kMethods[] = {"ipip", "gre", "fou", "gue"};
constexpr uint8_t kDscp = 46;

std::string service(const std::string& name, const std::string& vip, const std::string& pool,
                    const std::string& forward, unsigned port) {
    return fmt::format(
        "  {}: {{vip: [{}], ports: [{}/tcp], pool: {}, forward: {},\n"
        "        checks: [{{tcp: {{}}, interval: 1s, timeout: 1s, history: 5, rise: 2, fall: 3}}]}}\n",
        name, vip, port, pool, forward);
}

/// A backend of each LAN and family behind VIPs of both families, with every method that fits.
std::string configuration() {
    const std::string vip4 = lab::Routed::kVip4;
    const std::string vip6 = fmt::format("\"{}\"", lab::Routed::kVip6);
    std::string text =
        "interfaces: [{name: eth0, mode: native}]\n"
        "pools:\n"
        "  all: {static: [10.1.10.10, 10.1.20.10, \"2001:db8:10::10\", \"2001:db8:20::10\"]}\n"
        "  v4: {static: [10.1.10.10, 10.1.20.10]}\n"
        "  v6: {static: [\"2001:db8:10::10\", \"2001:db8:20::10\"]}\n"
        "  mapped: {static: [{address: 10.1.10.10, port: 8000}, {address: 10.1.20.10, port: 8000}]}\n"
        "services:\n";
    unsigned port = 8000;
    for (const char* method : kMethods) text += service(method, vip4 + ", " + vip6, "all", method, port++);
    const std::string dscp = fmt::format("{{dscp: {{value: {}}}}}", kDscp);
    text += service("dscp4", vip4, "v4", dscp, port++);
    text += service("dscp6", vip6, "v6", dscp, port++);
    text += service("nat", vip4, "mapped", "nat", port++);
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
        for (size_t i = 0; i < site_->size(); ++i)
            for (uint16_t port = 8000; port < 8006; ++port)  // not NAT's, which is mapped to the first
                servers_.emplace_back(site_->backend(i), net::Port(port));
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
        const std::map<std::string, std::string> wanted = {
            {"ipip", health},  {"gre", health},   {"fou", health}, {"gue", health},
            {"dscp4", health}, {"dscp6", health}, {"nat", nat}};
        if (lab::wait_until([&] { return healths() == wanted; }, kSoon)) return testing::AssertionSuccess();
        const auto listing =
            lab::run(site_->balancer(), {WEIR_BINARY, "--socket", daemon_->socket(), "backends"});
        return testing::AssertionFailure() << listing.out << daemon_->log();
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
