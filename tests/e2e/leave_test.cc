// What stays in the kernel when the daemon ends, and what removes it.
#include <bpf/libbpf.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "lab/bpffs.h"
#include "lab/tcp.h"
#include "tests/e2e/site.h"
#include "tests/e2e/tc_state.h"

namespace weir::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVip = "192.168.101.1:80";
const std::vector<std::string> kAll = {"backend-1", "backend-2", "backend-3"};

bool has_xdp(lab::Host& host) {
    return host.run([&] {
        uint32_t program = 0;
        const int failed = bpf_xdp_query_id(static_cast<int>(host.index("eth0")), 0, &program);
        return lab::check(failed, "cannot ask for the XDP program"), program != 0;
    });
}

TcState tc_of(lab::Host& host) {
    return host.run([&] { return tc_state(static_cast<int>(host.index("eth0"))); });
}

/// That nothing in the kernel tells of a weir that was here.
testing::AssertionResult is_clean(lab::Host& balancer, const std::string& pins) {
    if (has_xdp(balancer)) return testing::AssertionFailure() << "an XDP program is left";
    if (tc_of(balancer) != TcState{}) return testing::AssertionFailure() << "left of tc: " << tc_of(balancer);
    if (fs::exists(pins)) return testing::AssertionFailure() << pins << " is left";
    return testing::AssertionSuccess();
}

struct End {
    const char* name;
    int signal;
};
void PrintTo(const End& end, std::ostream* out) {
    *out << end.name;
}

class Leave : public SiteTest, public testing::WithParamInterface<End> {};

TEST_P(Leave, TrafficFlowsOnWithoutADaemonUntilItIsCleanedUp) {
    Site site({.lab = "leave"});
    site.start({});
    const std::string pins = site.daemon().pins();
    ::kill(site.daemon().pid(), GetParam().signal);
    ASSERT_TRUE(lab::wait_until([&] { return !site.daemon().alive(); }, kSoon));
    EXPECT_TRUE(answered_by(site.ask(kVip), kAll));
    EXPECT_TRUE(answered_by(site.ask("[2001:db8:101::1]:80"), kAll));
    EXPECT_TRUE(has_xdp(site.balancer()));

    const lab::Finished cleaned = lab::run(site.balancer(), {WEIR_BINARY, "run", "--cleanup", "--pin", pins});
    EXPECT_EQ(cleaned.status, 0) << cleaned.err;
    EXPECT_TRUE(is_clean(site.balancer(), pins));
    EXPECT_FALSE(lab::connect_tcp(site.client(), lab::endpoint(kVip), 200ms));
}

INSTANTIATE_TEST_SUITE_P(Ends, Leave, testing::Values(End{"Sigterm", SIGTERM}, End{"Sigkill", SIGKILL}),
                         [](const auto& row) { return std::string(row.param.name); });

using Ended = SiteTest;

TEST_F(Ended, AStoppedDaemonsFiltersForProbesAreGoneWithIt) {
    Site site({.lab = "leave"});
    site.start({});
    EXPECT_TRUE(tc_of(site.balancer()).clsact);
    ::kill(site.daemon().pid(), SIGTERM);
    ASSERT_TRUE(lab::wait_until([&] { return !site.daemon().alive(); }, kSoon));
    EXPECT_EQ(tc_of(site.balancer()), TcState{});
}

TEST_F(Ended, TheKillSwitchTakesEverythingAwayAfterItsTime) {
    Site site({.lab = "leave"});
    lab::TempDir dir;
    lab::PrivateBpffs bpffs;
    const std::string pins = bpffs.path() + "/weir";
    const Yaml yaml{.settings = "announce: {linger: 1s}\n"};
    lab::Process daemon(site.balancer(),
                        {WEIR_BINARY, "run", "-c", dir.write("weir.yaml", yaml.text()), "--socket",
                         dir / "weir.sock", "--pin", pins, "--state", dir / "state", "--for", "2s"});
    EXPECT_TRUE(lab::wait_until([&] { return has_xdp(site.balancer()); }, kSoon)) << daemon.err();
    EXPECT_EQ(daemon.wait(kSoon), 0) << daemon.err();
    EXPECT_THAT(daemon.out() + daemon.err(), testing::HasSubstr("the VIPs are withdrawn"));
    EXPECT_TRUE(is_clean(site.balancer(), pins));
}

}  // namespace
}  // namespace weir::e2e
