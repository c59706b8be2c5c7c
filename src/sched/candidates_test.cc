#include "sched/candidates.h"

#include <gmock/gmock.h>

namespace weir::sched {
namespace {

using testing::ElementsAre;

std::vector<uint32_t> weights(std::vector<std::pair<uint32_t, double>> targets) {
    model::Frontend frontend;
    for (auto [weight, fraction] : targets) {
        model::Target target{{net::Ip::v4({10, 0, 0, uint8_t(frontend.targets.size())}), weight},
                             {true, ""},
                             model::Accepts::all};
        target.fraction = static_cast<uint32_t>(fraction * model::kWhole);
        frontend.targets.push_back(target);
    }
    std::vector<uint32_t> out;
    for (const auto& candidate : candidates_of(frontend, [](const auto&) { return true; }))
        out.push_back(candidate.weight);
    return out;
}

TEST(Candidates, WeighWhatTheOperatorSaysWhereAllCountWhole) {
    EXPECT_THAT(weights({{1, 1}, {10, 1}, {1000, 1}}), ElementsAre(1, 10, 1000));
    EXPECT_THAT(weights({}), ElementsAre());
}

TEST(Candidates, WeighInTheRatiosOfTheirFractionsElse) {
    EXPECT_THAT(weights({{1, 1}, {1, 0.5}, {1, 0.25}}), ElementsAre(65535, 32768, 16384));
    EXPECT_THAT(weights({{1000, 0.5}, {500, 0.5}}), ElementsAre(65535, 32768));
    // Nobody falls out of the table because others weigh much more.
    EXPECT_THAT(weights({{1000, 1}, {1, 0.001}}), ElementsAre(65535, 1));
}

TEST(Candidates, AreThoseThatTakeNewFlowsAndThatTheCallerWants) {
    model::Frontend frontend;
    for (uint8_t i = 0; i < 3; ++i)
        frontend.targets.push_back({{net::Ip::v4({10, 0, 0, i})}, {true, ""}, model::Accepts::all});
    frontend.targets[0].accepts = model::Accepts::established;
    auto candidates = candidates_of(frontend, [&](const model::Target& target) {
        return target.backend.address != frontend.targets[1].backend.address;
    });
    ASSERT_EQ(candidates.size(), 1u);
    EXPECT_EQ(candidates[0].address, frontend.targets[2].backend.address);
}

}  // namespace
}  // namespace weir::sched
