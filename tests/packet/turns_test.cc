// Schedulers that do not look at the flow: who gets the next one, and that the flow table keeps it there.
#include <gmock/gmock.h>
#include <linux/bpf.h>
#include <sched.h>

#include <cmath>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

using model::Protocol;
using model::SchedulerKind;

class TurnsTest : public DatapathTest {
  protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (IsSkipped()) return;
        // Each CPU goes round by itself.
        ASSERT_EQ(sched_getaffinity(0, sizeof all_, &all_), 0);
        pinned_ = true;
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(static_cast<unsigned>(sched_getcpu()), &cpus);
        ASSERT_EQ(sched_setaffinity(0, sizeof cpus, &cpus), 0);
    }
    void TearDown() override {
        if (pinned_) sched_setaffinity(0, sizeof all_, &all_);
        DatapathTest::TearDown();
    }
    void use(SchedulerKind kind, const std::vector<uint32_t>& weights = {1, 1, 1}) {
        plan_.frontends.edit_each([&](auto& one) {
            one.scheduler.kind = kind;
            one.targets.clear();
            for (size_t i = 0; i < weights.size(); i++)
                one.targets.push_back(
                    {{address_of(static_cast<int>(i) + 1), weights[i]}, {true, ""}, Accepts::all});
        });
        apply();
    }
    /// Whom so many new flows go to, in order.
    std::vector<int> begin_flows(int count, const std::string& vip = "192.0.2.1:80",
                                 uint8_t protocol = net::kTcp) {
        std::vector<int> backends;
        for (int i = 0; i < count; i++, flows_++)
            backends.push_back(send(packet(client(flows_, vip), vip, protocol, net::kTcpSyn)));
        return backends;
    }
    static std::string client(int flow, const std::string& vip) {
        return fmt::format("{}:{}", vip[0] == '[' ? "[2001:db8:7::7]" : "198.51.100.7", 1024 + flow % 60000);
    }
    static std::map<int, int> counted(const std::vector<int>& backends) {
        std::map<int, int> counts;
        for (int backend : backends) counts[backend]++;
        return counts;
    }

    int flows_ = 0;

  private:
    cpu_set_t all_{};
    bool pinned_ = false;
};

/// A ring whose end does not fit its beginning breaks the order once.
void expect_rounds(const std::vector<int>& backends, size_t of) {
    size_t breaks = 0;
    for (size_t i = of; i < backends.size(); i++) breaks += backends[i] != backends[i - of];
    EXPECT_LE(breaks, of);
    auto round = std::vector(backends.begin(), backends.begin() + static_cast<long>(of));
    std::ranges::sort(round);
    EXPECT_LE(std::ranges::unique(round).size(), 1u);
}

TEST_F(TurnsTest, ConsecutiveFlowsGoRoundTheBackends) {
    use(SchedulerKind::rr);
    for (const auto& [vip, protocol] : {std::pair("192.0.2.1:80", net::kTcp),
                                        {"192.0.2.1:53", net::kUdp},
                                        {"[2001:db8::1]:80", net::kTcp}}) {
        auto backends = begin_flows(300, vip, protocol);
        expect_rounds(backends, 3);
        for (int i : {1, 2, 3}) EXPECT_NEAR(counted(backends)[i], 100, 2) << vip;
    }
}

TEST_F(TurnsTest, EachServiceGoesRoundByItself) {
    use(SchedulerKind::rr);
    std::vector<int> one, other;
    for (int i = 0; i < 90; i++) {
        one.push_back(begin_flows(1)[0]);
        other.push_back(begin_flows(1, "192.0.2.1:53", net::kUdp)[0]);
    }
    expect_rounds(one, 3);
    expect_rounds(other, 3);
}

TEST_F(TurnsTest, TurnsAreSharedByWeight) {
    use(SchedulerKind::rr, {1, 2, 5});
    auto counts = counted(begin_flows(800));
    EXPECT_NEAR(counts[1], 100, 3);
    EXPECT_NEAR(counts[2], 200, 3);
    EXPECT_NEAR(counts[3], 500, 3);
}

TEST_F(TurnsTest, ChanceSharesByWeight) {
    use(SchedulerKind::random, {1, 2, 5});
    auto backends = begin_flows(8000);
    auto counts = counted(backends);
    double square = 0;
    for (auto [backend, expected] : {std::pair(1, 1000.0), {2, 2000.0}, {3, 5000.0}})
        square += std::pow(counts[backend] - expected, 2) / expected;
    EXPECT_LT(square, 30) << "once in three million times by chance";
    // Not the same in every round: a sequence of turns would never have the heaviest so often in a row.
    size_t row = 0, longest = 0;
    for (int backend : backends) longest = std::max(longest, row = backend == 3 ? row + 1 : 0);
    EXPECT_GE(longest, 7u);
}

TEST_F(TurnsTest, AFlowKeepsItsBackend) {
    for (auto kind : {SchedulerKind::rr, SchedulerKind::random}) {
        use(kind);
        auto first = kind == SchedulerKind::rr ? 50000 : 51000;
        auto flows = open_flows(first, first + 300);
        expect_kept(flows, "at once");
        set_accepts(2, Accepts::established);
        apply();
        expect_kept(flows, "after a change");
        EXPECT_FALSE(counted(begin_flows(30)).contains(2));
    }
}

TEST_F(TurnsTest, AFlowThatFindsNoRoomGoesByItsHash) {
    plan_.flows.size = 64;
    use(SchedulerKind::rr);
    open_flows(1, 4000);
    auto full = observe().flow_table.full_total;
    for (int port = 10000; port < 10300; port++) {
        auto backend = send(tcp_from(port, net::kTcpSyn));
        for (int i = 0; i < 3; i++) ASSERT_EQ(send(tcp_from(port)), backend) << port;
    }
    EXPECT_GT(observe().flow_table.full_total, full + 500) << "the table is not full";
}

TEST_F(TurnsTest, OnlyAFlowThatBeginsTakesATurn) {
    use(SchedulerKind::rr);
    std::vector<int> backends;
    for (int i = 0; i < 60; i++) {
        backends.push_back(begin_flows(1)[0]);
        send(tcp_from(50000 + i, net::kTcpFin | net::kTcpAck));
        auto asked = tables_->ask(net::build_frame(tcp_from(40000 + i)));
        ASSERT_TRUE(asked);
    }
    expect_rounds(backends, 3);
}

TEST_F(TurnsTest, TraceTellsABackendOnlyWhereItIsKnown) {
    for (auto kind : {SchedulerKind::rr, SchedulerKind::random}) {
        use(kind);
        auto asked = tables_->ask(net::build_frame(tcp_from(40000)));
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->action, "forward");
        EXPECT_EQ(asked->backend, std::nullopt);
        EXPECT_EQ(asked->reason, "scheduler");
    }
    auto backend = open_flows(40001, 40002).at(40001);
    auto asked = tables_->ask(net::build_frame(tcp_from(40001)));
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->backend, address_of(backend));
    EXPECT_EQ(asked->reason, "flow table");
}

TEST_F(TurnsTest, ASourceTakesOneTurnWhereItIsSticky) {
    plan_.frontends.edit_each([&](auto& one) { one.sticky = model::Sticky{}; });
    use(SchedulerKind::rr);
    std::vector<int> backends;
    for (int source = 1; source <= 60; source++) {
        auto from = [&](int port) {
            return send(packet(fmt::format("198.51.100.{}:{}", source, port), "192.0.2.1:80", net::kTcp,
                               net::kTcpSyn));
        };
        backends.push_back(from(1000));
        for (int port = 1001; port < 1004; port++) EXPECT_EQ(from(port), backends.back()) << source;
    }
    expect_rounds(backends, 3);
}

TEST_F(TurnsTest, WithoutBackendsNothingIsForwarded) {
    use(SchedulerKind::rr, {});
    expect_reason(net::build_frame(tcp_from(1, net::kTcpSyn)), XDP_DROP, "no_backend", "nobody");
}

}  // namespace
}  // namespace weir::engine::xdp
