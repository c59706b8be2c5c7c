// `watchdog:`: without heartbeats the datapath leaves the packets to the host's stack.
#include <linux/bpf.h>

#include "lab/wait.h"
#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

using namespace std::chrono_literals;

using WatchdogTest = DatapathTest;

TEST_F(WatchdogTest, PassesAllPacketsOnceItHasRunOutAndNoneAfterTheNextBeat) {
    const Bytes plain = net::build_frame(tcp_from(1000));
    net::PacketSpec with_options = tcp_from(1001);
    with_options.ip_options = {1, 1, 1, 1};
    const Bytes odd = net::build_frame(with_options);
    const int backend = send(tcp_from(1000));
    ASSERT_GT(backend, 0);
    ASSERT_TRUE(tables_->beat(1ms));
    ASSERT_TRUE(lab::wait_until([&] { return run(plain).verdict == XDP_PASS; }, 30s));
    new_reasons();
    expect_reason(plain, XDP_PASS, "watchdog", "a flow that goes on");
    expect_reason(odd, XDP_PASS, "watchdog", "what the general program sees");
    ASSERT_TRUE(tables_->beat(1h));
    EXPECT_EQ(send(tcp_from(1000)), backend);
}

TEST_F(WatchdogTest, IsWoundUpByEachBeat) {
    ASSERT_TRUE(tables_->beat(1ms));
    ASSERT_TRUE(tables_->beat(1h));
    ASSERT_TRUE(tables_->beat(0ms));
    EXPECT_GT(send(tcp_from(1000)), 0);
}

}  // namespace
}  // namespace weir::engine::xdp
