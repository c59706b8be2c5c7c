#include "control/overrides.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "control/sample.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using enum model::AdminState;
using testing::HasSubstr;

const model::OverrideKey kKey{ip("10.0.0.1"), "web"};
const Overrides::Time kNow{1000s};

class OverridesTest : public testing::Test {
  protected:
    OverridesTest() {
        char name[] = "/tmp/weir-overrides-test-XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~OverridesTest() override { std::filesystem::remove_all(folder); }
    std::string path() const { return folder + "/overrides.json"; }

    std::string folder;
};

TEST_F(OverridesTest, AreThereAgainAfterARestart) {
    Overrides before(path());
    before.set(kKey, {.state = draining, .drain_for = 60s}, "ada", kNow);
    before.set({ip("10.0.0.2")}, {.weight = 0}, "10.0.0.99", kNow);
    before.set({ip("10.0.0.3")}, {.weight = 1}, "ada", kNow);
    EXPECT_TRUE(before.lift({ip("10.0.0.3")}));
    EXPECT_FALSE(before.lift({ip("10.0.0.3")}));
    EXPECT_FALSE(before.is_saved());
    before.save();
    EXPECT_TRUE(before.is_saved());
    Overrides after(path());
    EXPECT_EQ(after.all(), before.all());
    EXPECT_EQ(after.all().size(), 2u);
    EXPECT_EQ(after.all().at(kKey),
              (model::Override{.state = draining, .by = "ada", .at = kNow, .deadline = kNow + 60s}));
    EXPECT_EQ(after.problem(), "");
}

TEST_F(OverridesTest, KeepWhatACommandLeavesOut) {
    Overrides overrides("");
    overrides.set(kKey, {.state = draining, .drain_for = 60s}, "ada", kNow);
    overrides.set(kKey, {.weight = 7}, "bob", kNow + 1s);
    EXPECT_EQ(
        overrides.all().at(kKey),
        (model::Override{.state = draining, .weight = 7, .by = "ada", .at = kNow, .deadline = kNow + 60s}))
        << "the drain goes on, and is still ada's";
    overrides.set(kKey, {.state = enabled}, "bob", kNow + 2s);
    EXPECT_EQ(overrides.all().at(kKey).by, "bob");
    EXPECT_FALSE(overrides.all().at(kKey).deadline) << "only a drain has one";
    EXPECT_EQ(overrides.all().at(kKey).weight, 7u);
}

TEST_F(OverridesTest, DisableTheBackendAtTheDeadlineAndRememberWhatWasCut) {
    Overrides overrides(path());
    overrides.set(kKey, {.state = draining, .drain_for = 60s}, "ada", kNow);
    overrides.expire(kKey, 17);
    EXPECT_EQ(overrides.all().at(kKey),
              (model::Override{.state = disabled, .by = "ada", .at = kNow, .flows_cut = 17}));
    overrides.save();
    EXPECT_EQ(Overrides(path()).all(), overrides.all());
    overrides.set(kKey, {.state = draining}, "ada", kNow);
    EXPECT_FALSE(overrides.all().at(kKey).flows_cut);
}

TEST_F(OverridesTest, AreInForceThoughTheyCannotBeSavedAndSayIt) {
    std::ofstream(folder + "/file") << "";
    Overrides overrides(folder + "/file/overrides.json");
    overrides.set(kKey, {.weight = 7}, "ada", kNow);
    overrides.save();
    EXPECT_EQ(overrides.all().size(), 1u);
    EXPECT_FALSE(overrides.is_saved());
    EXPECT_THAT(overrides.problem(), HasSubstr("not saved"));
    EXPECT_THAT(overrides.problem(), HasSubstr(folder + "/file"));
    std::filesystem::remove(folder + "/file");
    overrides.save();
    EXPECT_EQ(overrides.problem(), "");
    EXPECT_EQ(overrides.save_failures_total(), 1u);
    EXPECT_EQ(Overrides(folder + "/file/overrides.json").all(), overrides.all());
}

TEST_F(OverridesTest, StartWithoutABrokenFileAndSayIt) {
    std::ofstream(path()) << "{";
    Overrides overrides(path());
    EXPECT_TRUE(overrides.all().empty());
    EXPECT_THAT(overrides.problem(), HasSubstr(path() + ".bad"));
    overrides.set(kKey, {.weight = 7}, "ada", kNow);
    overrides.save();
    EXPECT_EQ(overrides.problem(), "") << "whoever changes something has seen it";
}

TEST_F(OverridesTest, AreNotSavedOverAFileThatCouldNotBeReadAndSayIt) {
    std::filesystem::create_directories(path());
    Overrides overrides(path());
    EXPECT_THAT(overrides.problem(), HasSubstr(path() + " could not be read"));
    overrides.set(kKey, {.weight = 7}, "ada", kNow);
    overrides.save();
    EXPECT_FALSE(overrides.is_saved());
    EXPECT_THAT(overrides.problem(), HasSubstr("not saved, and would be lost at a restart: " + path()));
    EXPECT_TRUE(std::filesystem::is_directory(path()));
}

TEST(KnownBackends, AreThoseOfTheConfigurationAndTheNearestIsNamed) {
    auto config = sample_config();
    config.pools["spare"].backends = {{ip("10.0.9.9")}};
    EXPECT_TRUE(known(config, {ip("10.0.0.1")}));
    EXPECT_TRUE(known(config, {ip("10.0.0.1"), "web"}));
    EXPECT_EQ(known(config, {ip("10.0.0.11")}).error().message,
              "no service has the backend 10.0.0.11; did you mean 10.0.0.1?");
    EXPECT_EQ(known(config, {ip("10.0.9.9"), "web"}).error().message.substr(0, 48),
              "service web does not have the backend 10.0.9.9; ");
    EXPECT_TRUE(known(config, "web"));
    EXPECT_EQ(known(config, {ip("10.0.0.1"), "wbe"}).error().message,
              "there is no service 'wbe'; did you mean web?");
}

TEST(ServicesOfOverrides, AreThoseWithTheBackendInAnyOfTheirPools) {
    auto config = sample_config();
    config.pools["spare"].backends = {{ip("10.0.9.9")}};
    config.services["other"] = config.services["web"];
    config.services["other"].fallback = "spare";
    using Names = std::set<std::string>;
    EXPECT_EQ(services_of(config, {{ip("10.0.0.1")}}), (Names{"other", "web"}));
    EXPECT_EQ(services_of(config, {{ip("10.0.0.1"), "web"}}), Names{"web"});
    EXPECT_EQ(services_of(config, {{ip("10.0.0.1"), "web"}, {ip("10.0.9.9")}}), (Names{"other", "web"}));
    EXPECT_EQ(services_of(config, {{ip("10.0.9.9"), "web"}, {ip("10.0.9.8")}}), Names{});
}

}  // namespace
}  // namespace weir::control
