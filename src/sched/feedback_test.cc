#include "sched/feedback.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>

namespace weir::sched {
namespace {

using testing::Each;

constexpr double kEach = 5, kDelay = 4;  // seconds: from one correction to the next; how old the loads are

/// Backends of weight 1 behind a balancer whose new flows come by chance, as `correct()` has them shared.
class World {
  public:
    struct Server {
        double flow_seconds;  // how long its flows last on average
    };

    World(std::vector<Server> servers, double flows_a_second, unsigned seed)
        : servers_(std::move(servers)),
          rate_(flows_a_second),
          random_(seed),
          targets_(servers_.size()),
          ends_(servers_.size()) {}

    void run(double seconds) {
        for (auto end = now_ + seconds; now_ < end;) {
            arrive(kEach);
            auto seen = loads(now_ - kDelay);
            for (size_t i = 0; i < targets_.size(); ++i) targets_[i].load = seen[i];
            auto corrections = correct(targets_);
            bool same = true;
            for (size_t i = 0; i < targets_.size(); ++i) {
                same &= targets_[i].correction == corrections[i];
                targets_[i].correction = corrections[i];
            }
            changes_ += !same;
        }
    }
    /// The flows of each at this time, which is one of the last minutes.
    std::vector<double> loads(double at) const {
        std::vector<double> out;
        for (const auto& ends : ends_)
            out.push_back(static_cast<double>(std::ranges::count_if(
                ends, [&](const auto& flow) { return flow.first <= at && flow.second > at; })));
        return out;
    }
    std::vector<double> loads() const { return loads(now_); }
    std::vector<double> corrections() const {
        std::vector<double> out;
        for (const auto& target : targets_) out.push_back(double(target.correction) / model::kWhole);
        return out;
    }
    /// How often a table was built since the last question.
    unsigned changes() { return std::exchange(changes_, 0); }
    void set_rate(double rate) { rate_ = rate; }
    void add(Server server) {
        servers_.push_back(server);
        targets_.emplace_back();
        ends_.emplace_back();
    }

  private:
    void arrive(double seconds) {
        std::exponential_distribution<> gap(std::max(rate_, 1e-9));
        std::vector<double> weights;
        for (const auto& target : targets_) weights.push_back(target.correction);
        std::discrete_distribution<size_t> pick(weights.begin(), weights.end());
        for (double at = now_ + gap(random_); at < now_ + seconds; at += gap(random_)) {
            auto server = pick(random_);
            std::exponential_distribution<> length(1 / servers_[server].flow_seconds);
            ends_[server].emplace_back(at, at + length(random_));
        }
        now_ += seconds;
        for (auto& ends : ends_)
            std::erase_if(ends, [&](const auto& flow) { return flow.second < now_ - 60; });
    }

    std::vector<Server> servers_;
    double rate_;
    std::mt19937 random_;
    double now_ = 0;
    std::vector<Loaded> targets_;
    std::vector<std::vector<std::pair<double, double>>> ends_;
    unsigned changes_ = 0;
};

double excess(const std::vector<double>& loads, size_t of) {
    double sum = 0;
    for (auto load : loads) sum += load;
    return loads[of] / (sum / double(loads.size()));
}

TEST(Feedback, LeavesEqualServersAlone) {
    for (unsigned seed : {1, 2, 3}) {
        World world(std::vector<World::Server>(10, {30}), 300, seed);
        world.run(600);  // from empty: the first loads are few
        world.changes();
        world.run(3600);
        EXPECT_LE(world.changes(), 2u) << "of 720 times";
        EXPECT_THAT(world.corrections(), Each(testing::Ge(0.7)));
    }
}

TEST(Feedback, NeverRebuildsTheTableOfAnIdleService) {
    World world(std::vector<World::Server>(10, {60}), 0.05, 1);
    world.run(7200);
    EXPECT_EQ(world.changes(), 0u);
    world.set_rate(0);
    world.run(600);
    EXPECT_EQ(world.changes(), 0u);
}

TEST(Feedback, BringsASlowServersLoadTowardsTheOthers) {
    for (double seconds : {2.0, 30.0, 300.0}) {
        std::vector<World::Server> servers(10, {seconds});
        servers[3].flow_seconds = 3 * seconds;
        World world(servers, 3000 / seconds, 1);
        world.run(300 + 10 * seconds);
        world.changes();
        double sum = 0, most = 0, least = 9;
        for (int i = 0; i < 20; ++i) {
            world.run(50);
            auto now = excess(world.loads(), 3);
            sum += now;
            most = std::max(most, now);
            least = std::min(least, now);
        }
        // Without feedback 2.5 times the mean.
        EXPECT_NEAR(sum / 20, 1.38, 0.15) << seconds;
        EXPECT_LE(most - least, 0.4) << "does not swing, flows of " << seconds << " s";
        EXPECT_LE(world.changes(), 20u) << "of 200 times, flows of " << seconds << " s";
    }
}

TEST(Feedback, FillsANewServerWithoutDrowningIt) {
    World world(std::vector<World::Server>(9, {60}), 300, 1);
    world.run(600);
    world.add({60});
    double most = 0;
    for (int i = 0; i < 120; ++i) {
        world.run(5);
        most = std::max(most, excess(world.loads(), 9));
    }
    EXPECT_LE(most, 1.4);
    EXPECT_NEAR(excess(world.loads(), 9), 1, 0.25);
}

TEST(Feedback, StaysWithinItsBounds) {
    std::vector<Loaded> targets{{1, 1e6}, {1000, 10}, {10, 0}};
    for (int i = 0; i < 100; ++i) {
        auto corrections = correct(targets);
        for (size_t k = 0; k < targets.size(); ++k) targets[k].correction = corrections[k];
        EXPECT_EQ(std::ranges::max(corrections), model::kWhole);
        EXPECT_GE(std::ranges::min(corrections), kLeastCorrection);
    }
    EXPECT_NEAR(targets[0].correction, kLeastCorrection, kLeastCorrection / 4.0);
    EXPECT_EQ(targets[1].correction, model::kWhole);
    EXPECT_TRUE(correct({}).empty());
}

}  // namespace
}  // namespace weir::sched
