// weir's tc filters on an interface: beside other people's, in the place of a dead daemon's, and gone when
// they are to go.
#include <gmock/gmock.h>

#include <tuple>

#include "lab/process.h"
#include "tests/e2e/detour_fixture.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;

TEST_F(DetourTest, FailsRatherThanAskTheBackendsOwnAddress) {
    balancer_->run([&] { delete_clsact(ifindex_); });
    auto refused = open(way(kBackend4, kVip4));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("not on the interface eth0"));
    EXPECT_EQ(balancer_->run([&] { return detour_->attach(ifindex_, "eth0"); }), Status{});
    EXPECT_TRUE(open(way(kBackend4, kVip4)));
}

class DeadDaemon : public DetourTest {
  protected:
    void SetUp() override {
        DetourTest::SetUp();
        if (IsSkipped()) return;
        stop(std::move(detour_));
        servers_ = {};  // in a child of several threads a lock may be held for ever
        lab::Process daemon(*balancer_, [&] {
            std::ignore = started().release();  // as kill -9 would: nothing is taken back
            return HasFailure() ? 1 : 0;
        });
        ASSERT_EQ(daemon.wait(60s), 0) << daemon.err();
        start_servers();
        ASSERT_EQ(state(), (TcState{.clsact = true, .filters = 2}));
    }
};

TEST_F(DeadDaemon, LeavesWhatItsSuccessorReplaces) {
    detour_ = started();
    EXPECT_EQ(state(), (TcState{.clsact = true, .filters = 2}));
    auto passage = open(way(kBackend4, kVip4));
    ASSERT_TRUE(passage) << passage.error().message;
    EXPECT_EQ(connect(*passage, kLong), Status{});
}

TEST_F(DeadDaemon, LeavesWhatItsSuccessorTakesAwayFromAnInterfaceThatItDoesNotUse) {
    balancer_->run([&] { EXPECT_EQ(Detour::load().value()->remove(ifindex_, "eth0"), Status{}); });
    EXPECT_EQ(state(), TcState{});
}

TEST_F(DetourTest, LeavesItsSuccessorsFilters) {
    auto successor = started();
    EXPECT_FALSE(open(way(kBackend4, kVip4))) << "its rows count no more";
    stop(std::exchange(detour_, std::move(successor)));
    EXPECT_EQ(state(), (TcState{.clsact = true, .filters = 2}));
    EXPECT_TRUE(open(way(kBackend4, kVip4)));
}

TEST_F(DetourTest, LeavesOtherPeoplesFiltersAndQdisc) {
    auto others = [&](int priority) { balancer_->run([&] { add_filter(ifindex_, priority); }); };
    others(10);
    stop(std::move(detour_));
    EXPECT_EQ(state(), (TcState{.clsact = true, .filters = 1}));
    balancer_->run([&] { delete_clsact(ifindex_); });

    balancer_->run([&] { make_clsact(ifindex_); });
    stop(started());
    EXPECT_EQ(state(), (TcState{.clsact = true, .filters = 0}));
    balancer_->run([&] { delete_clsact(ifindex_); });
}

}  // namespace
}  // namespace weir::e2e
