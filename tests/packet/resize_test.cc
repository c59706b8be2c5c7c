// Changes of the tables' size while packets come: no flow may lose its backend.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

/// Opens flow after flow, and sends packets of those that are open.
class Traffic {
  public:
    explicit Traffic(std::function<int(const net::PacketSpec&)> send) : send_(std::move(send)) {
        thread_ = std::jthread([this](std::stop_token stop) {
            for (int round = 0; !stop.stop_requested(); round++) {
                if (round % 20 == 0 && flows_.size() < kMostFlows)
                    open(1024 + static_cast<int>(flows_.size()));
                look(1024 + static_cast<int>(round * 7919ll % static_cast<long long>(flows_.size())));
                rounds_++;
            }
        });
    }

    /// How many flows were opened, and how many of their packets went elsewhere.
    std::pair<size_t, size_t> stop() {
        thread_.request_stop();
        thread_.join();
        for (const auto& [port, backend] : flows_) lost_ += send_(tcp_from(port)) != backend;
        return {flows_.size(), lost_};
    }
    size_t rounds() const { return rounds_; }

  private:
    void open(int port) {
        auto backend = send_(tcp_from(port, net::kTcpSyn));
        lost_ += send_(tcp_from(port)) != backend;
        flows_.emplace(port, backend);
    }
    void look(int port) { lost_ += send_(tcp_from(port)) != flows_.at(port); }

    static constexpr size_t kMostFlows = 60000;

    std::function<int(const net::PacketSpec&)> send_;
    std::map<int, int> flows_;
    size_t lost_ = 0;
    std::atomic<size_t> rounds_ = 0;
    std::jthread thread_;
};

class ResizeTest : public DatapathTest {
  protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (!tables_) return;
        // As an interface does: a packet that runs has the program that is in force, and keeps it.
        auto opened = Tables::open("", [this](int program) -> Status {
            std::scoped_lock exchange(in_force_);
            if (std::exchange(refuse_next_, false)) return fail("refused");
            program_ = program;
            return {};
        });
        ASSERT_TRUE(opened) << opened.error().message;
        tables_ = std::move(*opened);
        apply();
    }

    /// Applies plans, each after some more flows, with packets all the while.
    void expect_no_loss(const std::vector<std::function<void()>>& changes) {
        Traffic traffic([this](const net::PacketSpec& spec) {
            auto frame = net::build_frame(spec);
            std::shared_lock running(in_force_);
            return backend_of(run(frame));
        });
        for (const auto& change : changes) {
            auto before = traffic.rounds();
            while (traffic.rounds() < before + 6000) std::this_thread::yield();
            change();
            apply();
        }
        auto [flows, lost] = traffic.stop();
        EXPECT_GE(flows, changes.size() * 300);
        EXPECT_EQ(lost, 0u) << "of " << flows << " flows";
    }

    std::shared_mutex in_force_;
    bool refuse_next_ = false;
};

TEST_F(ResizeTest, LosesNoFlow) {
    plan_.flows.size = 1 << 16;
    apply();
    expect_no_loss({[this] { plan_.flows.size *= 4; }, [this] { plan_.flows.size /= 2; },
                    [this] { plan_.flows.size *= 8; }});
}

TEST_F(ResizeTest, LosesNoFlowWhileBackendsChangeToo) {
    plan_.flows.size = 1 << 16;
    apply();
    expect_no_loss({[this] {
                        plan_.flows.size *= 4;
                        add_backends(4, 9);
                    },
                    [this] {
                        plan_.flows.size /= 2;
                        set_accepts(1, Accepts::established);
                        set_accepts(5, Accepts::established);
                    },
                    [this] {
                        plan_.flows.size *= 2;
                        set_accepts(1, Accepts::all);
                        set_accepts(2, Accepts::established);
                    }});
}

TEST_F(ResizeTest, LosesNoFlowWhenTheSecretOfTheirHashesChanges) {
    plan_.flows.size = 1 << 16;
    apply();
    expect_no_loss({[this] {
                        plan_.flow_secret = 1;
                        add_backends(4, 9);
                    },
                    [this] { set_accepts(1, Accepts::established); }});
}

TEST_F(ResizeTest, GoesOnWithTheFormerTablesWhereTheNewOnesDoNotComeIntoForce) {
    const auto program = program_;
    auto other = plan_;
    const auto flows = open_flows(1000, 1100);
    new_packets();
    plan_.flows.size *= 4;
    add_backends(4, 9);
    refuse_next_ = true;
    EXPECT_FALSE(tables_->apply(plan_, hops_));

    EXPECT_EQ(tables_->program(), program);
    EXPECT_EQ(program_, program);
    EXPECT_EQ(observe().flow_table.capacity, uint64_t{other.flows.size} * 4);
    EXPECT_EQ(observe().targets.size(), 12u) << "three backends of each service";
    expect_kept(flows, "after the refusal");
    EXPECT_EQ(new_packets(), 100u);
    const auto counted = observe().flow_table.counts_total;
    while (observe().flow_table.counts_total < counted + 2) tables_->scan();
    EXPECT_EQ(observe().flow_table.used, 100u);

    std::swap(plan_, other);
    apply();
    expect_kept(flows, "with the former plan");
    std::swap(plan_, other);
    apply();
    EXPECT_NE(program_, program);
    expect_kept(flows, "in the larger tables");
}

}  // namespace
}  // namespace weir::engine::xdp
