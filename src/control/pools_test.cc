#include "control/pools.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "control/sample.h"

namespace weir::control {
namespace {

using testing::ElementsAre;

class PoolRows : public testing::Test {
  protected:
    PoolRows() {
        config.pools["spare"].backends = {{ip("10.0.1.1")}, {ip("10.0.0.1"), 7}};
        config.pools["idle"].backends = {{ip("10.0.9.9"), 5, model::AdminState::disabled}};
        config.services["web"].backup = {"spare"};
        auto other = config.services["web"];
        other.ports = {{net::Port(81), model::Protocol::tcp}};
        other.pool = "spare";
        other.backup = {};
        other.fallback = "web";
        config.services["other"] = other;
    }
    std::vector<PoolRow> rows(const model::HealthMap& health = {}) {
        auto plan = model::plan(config, health);
        StatusReport report;
        report.backends = backend_rows(plan, {{sample_target(1), {.flows_active = 7}}}, {});
        report.overrides = overrides;
        return pool_rows(config, report);
    }

    model::Config config = sample_config();
    std::vector<OverrideRow> overrides;
};

TEST_F(PoolRows, SayWhoUsesAPoolAsWhat) {
    auto pools = rows();
    ASSERT_EQ(pools.size(), 3u);
    EXPECT_EQ(pools[0].name, "idle");
    EXPECT_TRUE(pools[0].used_by.empty());
    EXPECT_THAT(pools[1].used_by, ElementsAre(PoolUse{"other", 0}, PoolUse{"web", 1}));
    EXPECT_THAT(pools[2].used_by, ElementsAre(PoolUse{"other", model::kFallbackTier}, PoolUse{"web", 0}));
    auto json = pools_json(pools);
    EXPECT_EQ(json[1].at("used_by"), boost::json::parse(R"([{"service": "other", "as": "pool"},
        {"service": "web", "as": "backup"}])"));
    EXPECT_EQ(json[2].at("used_by").at(0).at("as"), "fallback");
}

TEST_F(PoolRows, CountTheTargetsOfABackendAndWhichAreUp) {
    auto web = rows({{sample_target(1), {false, "L4CON"}}})[2];
    // Two VIPs of the service, and two of the other's, of which 10.0.0.1 belongs to its own pool.
    EXPECT_EQ(web.backends[0].targets, 2u);
    EXPECT_EQ(web.backends[0].up, 1u);
    EXPECT_EQ(web.backends[0].taking, 1u);
    EXPECT_EQ(web.backends[0].flows_active, 7u);
    EXPECT_EQ(web.backends[1].targets, 4u);
    EXPECT_EQ(web.backends[1].up, 4u);
    EXPECT_EQ(web.backends[1].taking, 2u) << "none as the other's last resort";
}

TEST_F(PoolRows, KeepABackendThatIsInTwoPoolsOfAServiceApart) {
    auto spare = rows()[1];
    EXPECT_EQ(spare.backends[1].targets, 2u) << "of the service whose pool it is; for web it is of the first";
}

TEST_F(PoolRows, ListWhatTheConfigurationSaysAndTheOverridesBesides) {
    overrides = {{{ip("10.0.9.9")}, {.weight = 3, .by = "ada"}, {}, false}};
    auto idle = pools_json(rows())[0].at("backends").at(0);
    EXPECT_EQ(idle.at("weight"), 5);
    EXPECT_EQ(idle.at("state"), "disabled");
    EXPECT_EQ(idle.at("targets"), 0);
    EXPECT_EQ(idle.at("overrides").at(0).at("weight"), 3);
}

}  // namespace
}  // namespace weir::control
