#include "control/health_file.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "control/sample.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const FileTime kNow{1000000s};

size_t kind_of(const model::Check::Kind& kind) {
    return kind.index();
}

Legacy sample() {
    Legacy legacy;
    health::Memory& memory = legacy.checks;
    const health::Outcome last{true, "L7OK/200", 1234us, kNow - 1500us, "it ends soon"};
    memory[sample_target(1)] = {
        kNow - 3h,
        {{kind_of(model::HttpCheck{}), health::Tally(false, {true, false, true}), last, 17},
         {kind_of(model::IcmpCheck{}), health::Tally(true), {}, 0}}};
    model::FrontendKey range{ip("2001:db8::"), net::Port(0), model::Protocol::udp, 65535, 64};
    memory[{range, ip("10.0.0.2")}] = {kNow,
                                       {{kind_of(model::TcpCheck{}), health::Tally(true, {false}), {}, 3}}};
    legacy.holds[sample_target(1)] = {.ramping = 20s};
    legacy.holds[{range, ip("10.0.0.3")}] = {.ramping = {}, .correction = model::kWhole / 3};
    return legacy;
}

TEST(HealthFile, KeepsEveryField) {
    EXPECT_EQ(read_health_file(health_file_text(sample(), kNow), kNow), sample());
    EXPECT_EQ(read_health_file(health_file_text({}, kNow), kNow), Legacy{});
}

TEST(HealthFile, LetsRampsGoOnWithTheTimeButNotForEver) {
    const auto text = health_file_text(sample(), kNow);
    const auto at = [](std::string_view file, FileTime now) {
        return read_health_file(file, now).value_or(Legacy{}).holds[sample_target(1)].ramping;
    };
    EXPECT_EQ(at(text, kNow + 3s), 23s);
    auto endless = text;
    const std::string_view value = ":20000000000";
    endless.replace(endless.find(value), value.size(), ":9223372036854775807");
    EXPECT_EQ(at(endless, kNow + 3s), 1h);
}

TEST(HealthFile, OfAnOlderWeirHoldsNobodyBack) {
    auto text = health_file_text(sample(), kNow);
    text.replace(text.find(",\"holds\""), text.npos, "}");
    const Legacy without{sample().checks, {}};
    EXPECT_EQ(read_health_file(text, kNow), without);
}

TEST(HealthFile, TellsNothingOnceItIsOld) {
    auto text = health_file_text(sample(), kNow);
    EXPECT_EQ(read_health_file(text, kNow + kHealthFileHolds).value().checks, sample().checks);
    EXPECT_EQ(read_health_file(text, kNow + kHealthFileHolds + 1s), Legacy{});
    EXPECT_EQ(read_health_file(text, kNow - 1s), Legacy{}) << "the clock was set back";
}

TEST(HealthFile, IsRefusedWhereAValueIsNone) {
    const auto whole = health_file_text(sample(), kNow);
    auto with = [&](std::string_view from, std::string_view to) {
        auto text = whole;
        auto at = text.find(from);
        EXPECT_NE(at, text.npos) << from;
        return read_health_file(text.replace(at, from.size(), to), kNow);
    };
    EXPECT_TRUE(with("10.0.0.1", "10.0.0.9"));
    EXPECT_FALSE(with("10.0.0.1", "10.0.0.256"));
    EXPECT_FALSE(with("\"http\"", "\"smtp\""));
    EXPECT_FALSE(with("\"version\":2", "\"version\":3"));
    EXPECT_FALSE(with("\"probes\":17", "\"probes\":-1"));
    EXPECT_FALSE(with("\"correction\":65536", "\"correction\":65537"));
    EXPECT_FALSE(with("\"correction\":65536", "\"correction\":0"));
    EXPECT_FALSE(read_health_file(whole.substr(0, whole.size() / 2), kNow));
}

TEST(HealthFile, IsSetAsideWhenBroken) {
    char name[] = "/tmp/weir-health-file-test-XXXXXX";
    const std::string folder = ::mkdtemp(name);
    HealthFile file(folder + "/health.json");
    EXPECT_EQ(file.take(kNow), Legacy{}) << "there is none";
    ASSERT_TRUE(file.save(sample(), kNow));
    EXPECT_EQ(file.take(kNow), sample());
    EXPECT_EQ(file.take(kNow), Legacy{}) << "it is taken";
    std::ofstream(folder + "/health.json") << "{";
    auto broken = file.take(kNow);
    ASSERT_FALSE(broken);
    EXPECT_THAT(broken.error().message, HasSubstr(folder + "/health.json.bad"));
    EXPECT_EQ(file.take(kNow), Legacy{});
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace weir::control
