#include "engine/xdp/replayer.h"

#include <gtest/gtest.h>

namespace weir::engine::xdp {
namespace {

using namespace std::chrono_literals;

TEST(Replayer, LetsNoFlowExpireWhateverTheConfigurationSays) {
    model::Plan plan;
    plan.flows.handshake = plan.flows.established = plan.flows.closing = plan.flows.udp = 1s;
    auto replayed = as_replayed(plan);
    EXPECT_EQ(replayed.flows.handshake, 1h);
    EXPECT_EQ(replayed.flows.established, 1h);
    EXPECT_EQ(replayed.flows.closing, 1h);
    EXPECT_EQ(replayed.flows.udp, 1h);
    EXPECT_EQ(replayed.flows.size, plan.flows.size);
}

}  // namespace
}  // namespace weir::engine::xdp
