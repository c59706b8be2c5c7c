// klb's README over IPVS: its configuration, imported, and workers that announce themselves by multicast DNS,
// one with avahi-publish-service and one with a static file.
#include <gtest/gtest.h>

#include <cstdlib>

#include "lab/avahi.h"
#include "lab/daemon.h"
#include "tests/vm/ipvs/site.h"

namespace weir::vm {
namespace {

using namespace std::chrono_literals;

constexpr const char* kKlbConf =
    "service {\n"
    "  bind \"192.0.2.100:80\"\n"
    "  zeroconf_service \"foo\"\n"
    "  zeroconf_interface \"eth1\"\n"
    "}\n";
constexpr auto kSoon = 60s;  // an emulated machine is slow

class KlbOverIpvs : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = lab::Avahi::why_not(); !why.empty()) GTEST_SKIP() << why;
        for (int number : {1, 2}) servers_.push_back(std::make_unique<Server>(site_.backend(number), 80));
        balancer_.emplace(site_.balancer(), lab::AvahiOptions{.interface = "eth1"});
        ::setenv("DBUS_SYSTEM_BUS_ADDRESS", balancer_->bus().c_str(), 1);  // for the daemon
    }
    std::string imported() {
        const auto conf = dir_.write("klb.conf", kKlbConf);
        const auto done = lab::run(site_.balancer(), {WEIR_BINARY, "import", "klb", conf});
        EXPECT_EQ(done.status, 0) << done.err;
        return done.out;
    }
    bool is_answered_by(const std::map<std::string, int>& wanted) {
        return lab::wait_until([&] { return ask_often(site_.client(), "192.0.2.100:80", 8) == wanted; },
                               kSoon);
    }

    Site site_;
    lab::TempDir dir_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::optional<lab::Avahi> balancer_;
};

TEST_F(KlbOverIpvs, SpreadsConnectionsOverWorkersThatAnnounceThemselves) {
    lab::Avahi one(site_.backend(1)), two(site_.backend(2));
    auto announced = std::make_unique<lab::Process>(one.publish({"one", "_foo._tcp", 80}));
    two.write_service("two", {"two", "_foo._tcp", 80});
    lab::Daemon daemon(site_.balancer(), WEIR_BINARY, imported());
    ASSERT_TRUE(is_answered_by({{"one", 4}, {"two", 4}})) << daemon.log() << site_.ipvsadm();
    announced.reset();
    ASSERT_TRUE(is_answered_by({{"two", 8}})) << daemon.log() << site_.ipvsadm();
    announced = std::make_unique<lab::Process>(one.publish({"one", "_foo._tcp", 80}));
    ASSERT_TRUE(is_answered_by({{"one", 4}, {"two", 4}})) << daemon.log() << site_.ipvsadm();
}

}  // namespace
}  // namespace weir::vm
