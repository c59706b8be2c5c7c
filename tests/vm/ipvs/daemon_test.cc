// The whole daemon with services of IPVS: from its configuration to the packets, over a crash and back.
#include <gmock/gmock.h>

#include "lab/daemon.h"
#include "lab/failure.h"
#include "tests/vm/ipvs/site.h"

namespace weir::vm {
namespace {

using testing::HasSubstr, testing::Not, testing::Pair, testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr const char* kBoth = "pools: {web: {static: [10.1.10.11, 10.1.10.12]}}\n";
constexpr const char* kFirst = "pools: {web: {static: [10.1.10.11]}}\n";
constexpr const char* kService =
    "services:\n"
    "  web:\n"
    "    engine: ipvs\n"
    "    vip: 192.0.2.100\n"
    "    ports: [80/tcp]\n"
    "    pool: web\n"
    "    forward: nat\n"
    "    scheduler: rr\n"
    "    checks: [{tcp: {}, interval: 200ms, timeout: 150ms, history: 3, rise: 1, fall: 2}]\n";

class IpvsDaemon : public testing::Test {
  protected:
    void SetUp() override {
        for (int number : {1, 2}) servers_.push_back(std::make_unique<Server>(site_.backend(number), 80));
    }
    auto answers(int times = 8) { return ask_often(site_.client(), "192.0.2.100:80", times); }
    bool waits_for(const std::string& part, bool there = true) {
        return lab::wait_until([&] { return (site_.ipvsadm().find(part) != std::string::npos) == there; },
                               30s);
    }

    Site site_;
    std::vector<std::unique_ptr<Server>> servers_;
};

TEST_F(IpvsDaemon, CarriesAServiceFromItsConfigurationOn) {
    lab::Daemon daemon(site_.balancer(), WEIR_BINARY, std::string(kBoth) + kService);
    ASSERT_TRUE(waits_for("10.1.10.11:80 -m -w 1") && waits_for("10.1.10.12:80 -m -w 1")) << daemon.log();
    EXPECT_THAT(answers(), UnorderedElementsAre(Pair("one", 4), Pair("two", 4)));

    servers_.pop_back();  // the probes see it
    ASSERT_TRUE(waits_for("10.1.10.12", false)) << daemon.log();
    EXPECT_THAT(answers(), UnorderedElementsAre(Pair("one", 8)));
    servers_.push_back(std::make_unique<Server>(site_.backend(2), 80));
    ASSERT_TRUE(waits_for("10.1.10.12:80 -m -w 1")) << daemon.log();

    EXPECT_EQ(answers().size(), 2u);
    daemon.reload(std::string(kFirst) + kService);
    ASSERT_TRUE(waits_for("10.1.10.12:80 -m -w 0")) << daemon.log();
    EXPECT_THAT(answers(), UnorderedElementsAre(Pair("one", 8)));
}

TEST_F(IpvsDaemon, GoesOnAfterAKill) {
    lab::Daemon daemon(site_.balancer(), WEIR_BINARY, std::string(kBoth) + kService);
    ASSERT_TRUE(waits_for("10.1.10.11:80 -m -w 1") && waits_for("10.1.10.12:80 -m -w 1")) << daemon.log();
    Conversation old(site_.client(), "192.0.2.100:80");
    const auto name = old.ask();
    const auto before = site_.ipvsadm();
    daemon.kill();
    EXPECT_EQ(old.ask(), name) << "without a daemon";
    EXPECT_THAT(answers(), UnorderedElementsAre(Pair("one", 4), Pair("two", 4)));
    daemon.start();
    EXPECT_EQ(old.ask(), name);
    EXPECT_EQ(site_.ipvsadm(), before);
    EXPECT_THAT(daemon.log(), Not(HasSubstr("did not make")));
    EXPECT_TRUE(lab::wait_until([&] { return answers().size() == 2; }, 10s));
    EXPECT_EQ(old.ask(), name);
}

}  // namespace
}  // namespace weir::vm
