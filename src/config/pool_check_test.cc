// As mistakes_test.cc: the pools of a service beside each other.
#include <gmock/gmock.h>

#include "config/mistakes_in.h"

namespace weir::config {
namespace {

constexpr std::string_view kThreePools =
    "interfaces: [eth0]\n"
    "pools:\n"
    "  p: {static: [192.0.2.1, 192.0.2.2]}\n"
    "  q: {static: [192.0.2.3]}\n"
    "  same: {static: [192.0.2.2]}\n";
constexpr std::string_view kBegin = "services: {s: {vip: 198.51.100.1, ports: 80, pool: p, ";

/// With these settings from column 55 of line 6 on.
void expect_each(const std::vector<Row>& rows) {
    for (const auto& [text, mistakes] : rows)
        EXPECT_EQ(mistakes_in(fmt::format("{}{}{}}}}}\n", kThreePools, kBegin, text)), mistakes) << text;
}

TEST(Mistakes, OfPoolsThatStandBy) {
    expect_each({
        {"backup: q, fallback: same",
         "f:5:19: backend 192.0.2.2 is in pool 'p' and in pool 'same', both of service 's'; let it be in one "
         "of them\n"},
        {"backup: [q], overflow: 200", ""},
        {"backup: q", ""},
        {"backup: []", "f:6:63: 'backup' is an empty list; write a list of names of pools, or one\n"},
        {"backup: w", "f:6:63: there is no pool 'w'; add it to pools: or name one of those\n"},
        {"backup: [q, q]", "f:6:67: 'q' is in 'backup' twice; keep one of the two\n"},
        {"backup: p", "f:6:63: pool 'p' is pool and backup of service 's'; keep one of the two\n"},
        {"backup: q, fallback: q",
         "f:6:76: pool 'q' is backup and fallback of service 's'; keep one of the two\n"},
        {"fallback: samee", "f:6:65: there is no pool 'samee'; did you mean 'same'?\n"},
    });
}

TEST(Mistakes, OfSettingsThatNeedOthers) {
    expect_each({
        {"overflow: 200",
         "f:6:65: service 's' has 'overflow' but no 'backup' to flow over to; add one or leave it out\n"},
        {"backup: q, overflow: 99",
         "f:6:76: 99 is out of range; 'overflow' takes a number from 100 to 1000\n"},
        {"fail_open: true",
         "f:6:66: service 's' has 'fail_open' but no 'checks', so none of its backends is ever down by one; "
         "add some or leave it out\n"},
        {"fail_open: true, checks: [tcp], fallback: q", ""},
        {"fail_open: false", ""},
    });
}

TEST(Mistakes, OfCountsOverSeveralPools) {
    expect_each({
        {"backup: q, need: 3", ""},
        {"backup: q, need: 4",
         "f:6:72: service 's' needs 4 backends but pools 'p' and 'q' have 3; write 3 at most\n"},
        {"fallback: q, need: 3",
         "f:6:74: service 's' needs 3 backends but pool 'p' has 2; write 2 at most\n"},
    });
}

TEST(Mistakes, OfBackendsInPoolsThatStandBy) {
    auto text = [](std::string_view setting) {
        return fmt::format(
            "interfaces: [eth0]\n"
            "pools:\n"
            "  p: {{static: [{{address: 192.0.2.1, server_id: 0a}}]}}\n"
            "  q: {{static: [{{address: 192.0.2.3, port: 8080, server_id: 0a}}]}}\n"
            "services: {{s: {{vip: 198.51.100.1, ports: 80, pool: p, {}: q}}}}\n",
            setting);
    };
    for (auto setting : {"backup", "fallback"})
        EXPECT_EQ(
            mistakes_in(text(setting)),
            "f:4:43: a backend's port is for 'forward: nat' and 'proxy', but service 's' has 'dsr'; leave it "
            "out or "
            "give the service another pool\n"
            "f:4:60: a backend of pool 'p', which service 's' has too, has this server id; give each its "
            "own\n");
}

TEST(Load, ReadsThePoolsThatStandBy) {
    auto config =
        parse(fmt::format("{}{}backup: [q], overflow: 120, fallback: r, fail_open: true, checks: [tcp]}}}}\n",
                          "interfaces: [eth0]\npools: {p: {static: [192.0.2.1]}, q: {static: [192.0.2.2]}, "
                          "r: {static: [192.0.2.3]}}\n",
                          kBegin));
    ASSERT_TRUE(config) << describe("", config.error());
    const auto& service = config->services.at("s");
    EXPECT_THAT(service.backup, testing::ElementsAre("q"));
    EXPECT_EQ(service.fallback, "r");
    EXPECT_EQ(service.overflow, 120u);
    EXPECT_TRUE(service.fail_open);
}

TEST(Load, ReadsWhatTheChoiceOfBackendsDependsOn) {
    for (auto [word, kind] : {std::pair("wlc", model::SchedulerKind::wlc),
                              {"rr", model::SchedulerKind::rr},
                              {"random", model::SchedulerKind::random}}) {
        auto config = parse(fmt::format(
            "interfaces: [eth0]\n"
            "pools: {{p: {{static: [{{address: 192.0.2.1, max_connections: 500}}, 192.0.2.2]}}}}\n"
            "{}slow_start: 2m, scheduler: {{{}: {{size: 1009}}}}}}}}\n",
            kBegin, word));
        ASSERT_TRUE(config) << describe("", config.error());
        const auto& service = config->services.at("s");
        EXPECT_EQ(service.slow_start, std::chrono::minutes(2));
        EXPECT_EQ(service.scheduler, (model::Scheduler{kind, 1009}));
        EXPECT_EQ(config->pools.at("p").backends[0].max_connections, 500u);
        EXPECT_EQ(config->pools.at("p").backends[1].max_connections, 0u);
    }
}

}  // namespace
}  // namespace weir::config
