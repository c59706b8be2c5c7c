// Balancers share flows over real sockets: what sync's unit tests leave out.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "lab/lab.h"
#include "lab/wait.h"
#include "sync/fake_store.h"
#include "sync/sharing.h"

namespace weir {
namespace {

using namespace std::chrono_literals;
using sync::FakeStore;

constexpr uint64_t kFlows = 3000;

model::TargetKey target() {
    return {{*net::Ip::parse("192.0.2.1"), net::Port(80), model::Protocol::tcp}, *net::Ip::parse("10.0.1.1")};
}

/// A host of the lab with somebody who shares flows, all in this process.
struct Balancer {
    Balancer(boost::asio::io_context& io, lab::Host& at)
        : host(at), sharing(io.get_executor(), [](auto, auto, auto) {}) {
        sharing.use(store);
    }
    void set(const model::Sync& settings) {
        model::Config config;
        config.sync = settings;
        auto done = host.run([&] { return sharing.set(config); });
        ASSERT_TRUE(done) << done.error().message;
    }
    size_t up() const {
        size_t count = 0;
        for (const auto& peer : sharing.report().peers) count += peer.state == sync::PeerState::up;
        return count;
    }

    lab::Host& host;
    FakeStore store{{target()}, 1024};
    sync::Sharing sharing;
};

class SyncSockets : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        lab_ = std::make_unique<lab::Lab>("sync");
        std::vector<lab::Host*> hosts;
        for (int i = 1; i <= 3; ++i) hosts.push_back(&lab_->host(fmt::format("balancer-{}", i)));
        lab_->lan("lan", hosts, "eth0");
        for (size_t i = 0; i < hosts.size(); ++i) {
            hosts[i]->add_address("eth0", fmt::format("10.0.0.{}/24", i + 1));
            hosts[i]->add_address("eth0", fmt::format("2001:db8::{}/64", i + 1));
            all_.push_back(std::make_unique<Balancer>(io_, *hosts[i]));
        }
    }
    template <class Condition>
    bool run_until(Condition holds) {
        return lab::wait_until(
            [&] {
                io_.run_for(10ms);
                return holds();
            },
            30s);
    }
    /// Each tells what the others are to know.
    void expect_shared() {
        ASSERT_TRUE(run_until([&] {
            return std::ranges::all_of(all_, [&](const auto& each) { return each->up() == all_.size() - 1; });
        })) << all_[0]->sharing.report().error;
        for (uint64_t i = 0; i < kFlows; ++i)
            all_[i % all_.size()]->store.see(target(), {i, model::FlowState::established, {}});
        EXPECT_TRUE(run_until([&] {
            return std::ranges::all_of(all_, [](const auto& each) { return each->store.size() == kFlows; });
        }));
        for (const auto& each : all_) {
            auto report = each->sharing.report();
            EXPECT_EQ(report.error, "");
            EXPECT_EQ(report.dropped_total, 0u);
            EXPECT_GT(report.received_datagrams_total, 0u);
            for (size_t i = 0; i < sync::kRefused; ++i)
                EXPECT_EQ(report.refused[i].total, 0u) << to_text(static_cast<sync::Refused>(i));
        }
    }
    static model::Sync settings() { return {.keys = {"0123456789abcdef"}, .flow_secret = 1}; }
    static net::Endpoint endpoint(std::string_view text) { return net::Endpoint::parse(text).value(); }

    boost::asio::io_context io_{1};
    std::unique_ptr<lab::Lab> lab_;
    std::vector<std::unique_ptr<Balancer>> all_;
};

TEST_F(SyncSockets, ShareByMulticastOfIpv4) {
    auto group = settings();
    group.group = endpoint("239.83.1.1:8383");
    group.interface = "eth0";
    for (auto& each : all_) each->set(group);
    expect_shared();
}

TEST_F(SyncSockets, ShareByMulticastOfIpv6FromAnAddressOfTheirOwn) {
    for (size_t i = 0; i < all_.size(); ++i) {
        auto group = settings();
        group.group = endpoint("[ff05::83]:8383");
        group.interface = "eth0";
        group.listen = endpoint(fmt::format("[2001:db8::{}]:9000", i + 1));
        all_[i]->set(group);
    }
    expect_shared();
    EXPECT_EQ(all_[0]->sharing.report().peers.at(0).endpoint, endpoint("[2001:db8::2]:9000"));
}

TEST_F(SyncSockets, ShareOnALinkWithoutAddressesOfTheirOwn) {
    auto group = settings();
    group.group = endpoint("[ff02::83]:8383");
    group.interface = "eth0";
    for (size_t i = 0; i < all_.size(); ++i) {
        all_[i]->host.remove_address("eth0", fmt::format("2001:db8::{}/64", i + 1));
        all_[i]->set(group);
    }
    expect_shared();
    EXPECT_TRUE(all_[0]->sharing.report().peers.at(0).endpoint.address.is_link_local());
    EXPECT_TRUE(run_until([&] { return all_[0]->sharing.report().snapshot == "complete"; }));
}

TEST_F(SyncSockets, ShareWithPeersOneByOneAndMoveToAGroup) {
    for (size_t i = 0; i < all_.size(); ++i) {
        auto alone = settings();
        for (size_t peer = 0; peer < all_.size(); ++peer)
            if (peer != i) alone.peers.push_back(endpoint(fmt::format("10.0.0.{}:8383", peer + 1)));
        all_[i]->set(alone);
    }
    expect_shared();
    const auto started = all_[0]->sharing.report().peers.at(0).started;
    auto group = settings();
    group.group = endpoint("239.83.1.1:8383");
    group.interface = "eth0";
    for (auto& each : all_) each->set(group);
    const auto before = all_[0]->sharing.report().peers.at(0).datagrams_total;
    EXPECT_TRUE(
        run_until([&] { return all_[0]->sharing.report().peers.at(0).datagrams_total > before + 3; }));
    EXPECT_LT(all_[0]->sharing.report().peers.at(0).started - started, 5s) << "it is the same run";
    EXPECT_EQ(all_[0]->up(), 2u);
}

TEST_F(SyncSockets, ComeBackWithTheirInterface) {
    auto group = settings();
    group.group = endpoint("239.83.1.1:8383");
    group.interface = "eth1";
    model::Config config;
    config.sync = group;
    auto& first = *all_[0];
    auto refused = first.host.run([&] { return first.sharing.set(config); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "sync has no interface 'eth1'");
    EXPECT_EQ(first.sharing.report().error, refused.error().message);
    lab_->connect(first.host, "eth1", all_[1]->host, "eth1");
    first.host.add_address("eth1", "10.0.9.1/24");
    all_[1]->host.add_address("eth1", "10.0.9.2/24");
    all_[1]->set(group);
    EXPECT_TRUE(first.host.run([&] { return run_until([&] { return first.up() == 1; }); }));
    EXPECT_EQ(first.sharing.report().error, "");
}

}  // namespace
}  // namespace weir
