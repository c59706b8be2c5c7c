#include "control/supply.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "base/fake_clock.h"
#include "base/temp_dir_fixture.h"
#include "control/sample.h"
#include "discovery/fake.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using discovery::Fake;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

discovery::Set set_of(std::initializer_list<std::string_view> addresses) {
    discovery::Set set;
    for (auto address : addresses) set.members.push_back({ip(address)});
    return set;
}

class SupplyTest : public testing::Test {
  protected:
    SupplyTest() {
        config.pools["web"].backends.clear();
        config.pools["web"].sources = {spec("one")};
        config.pools["web"].damping = 0s;
    }
    static model::SourceSpec spec(std::string name) { return {"fake", {{"name", std::move(name)}}}; }
    static Fake& fake(const std::string& name) { return *Fake::alive().at(name); }

    void begin() {
        supply.emplace(
            context.get_executor(), clock,
            Supply::Options{.kinds = {&discovery::fake_kind(), 1},
                            .file = dir / "supply.json",
                            .wall_clock = [this] { return now; },
                            .tell = [this](const Event& event) { told.push_back(event.kind); },
                            .on_change = [this](const std::string& pool) { changed.push_back(pool); }});
        supply->set(config);
    }
    std::vector<std::string> members(const std::string& pool = "web") {
        std::vector<std::string> all;
        const auto supplies = supply->supplies();
        for (const auto& source : supplies.at(pool))
            for (const auto& [address, found] : source.members) all.push_back(address.text());
        return all;
    }
    SourceRow row() { return supply->rows().at(0); }

    TempDir dir;
    boost::asio::io_context context;
    FakeClock clock{context};
    model::Config config = sample_config();
    std::chrono::system_clock::time_point now{1000s};
    std::vector<EventKind> told;
    std::vector<std::string> changed;
    std::optional<Supply> supply;
};

TEST_F(SupplyTest, TellsWhatASourceHasFoundAndWhen) {
    begin();
    EXPECT_EQ(row().state, SourceState::starting);
    EXPECT_FALSE(row().answered_at);
    fake("one").find(set_of({"10.0.0.1", "10.0.0.2"}));
    EXPECT_THAT(members(), ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_THAT(changed, ElementsAre("web"));
    EXPECT_EQ(row().state, SourceState::ok);
    EXPECT_EQ(row().changed_at, now);
    now += 5s;
    fake("one").find(set_of({"10.0.0.2", "10.0.0.1"}));
    EXPECT_EQ(changed.size(), 1u);
    EXPECT_EQ(row().answered_at, now);
    EXPECT_EQ(row().changed_at, now - 5s);
    EXPECT_EQ(row().sets_total, 2u);
}

TEST_F(SupplyTest, KeepsTheLastSetOfASourceThatFails) {
    begin();
    fake("one").find(set_of({"10.0.0.1"}));
    fake("one").fail("no server");
    fake("one").fail("no server");
    EXPECT_THAT(members(), ElementsAre("10.0.0.1"));
    EXPECT_EQ(row().state, SourceState::failing);
    EXPECT_EQ(row().error, "no server");
    EXPECT_EQ(row().failures_total, 2u);
    fake("one").find(set_of({"10.0.0.1"}));
    EXPECT_EQ(row().error, "");
    EXPECT_THAT(
        told, ElementsAre(EventKind::source_changed, EventKind::source_failed, EventKind::source_recovered));
}

TEST_F(SupplyTest, SaysThatASetIsHeldBackOnce) {
    begin();
    fake("one").find(set_of({"10.0.0.1"}));
    fake("one").find({});
    fake("one").find({});
    EXPECT_THAT(members(), ElementsAre("10.0.0.1"));
    EXPECT_THAT(row().held_back, HasSubstr("'minimum'"));
    EXPECT_THAT(told, ElementsAre(EventKind::source_changed, EventKind::source_held));
}

TEST_F(SupplyTest, LetsADampedBackendGoWhenItsTimeHasCome) {
    config.pools["web"].damping = 5s;
    begin();
    for (int i = 0; i < 2; ++i) {
        fake("one").find(set_of({"10.0.0.1", "10.0.0.2"}));
        fake("one").find(set_of({"10.0.0.1"}));
    }
    EXPECT_EQ(row().damped, 1u);
    EXPECT_EQ(members().size(), 2u);
    clock.move(5s);
    EXPECT_THAT(members(), ElementsAre("10.0.0.1"));
    EXPECT_EQ(changed.size(), 4u);
}

TEST_F(SupplyTest, TellsWhatIsRefusedWithinABound) {
    begin();
    auto set = set_of({"10.0.0.1"});
    for (int i = 0; i < 100; ++i) set.refused.push_back("line " + std::to_string(i));
    fake("one").find(set);
    EXPECT_EQ(row().refused.size(), 17u);
    EXPECT_EQ(row().refused.back(), "and 84 more");
    fake("one").find(set_of({"10.0.0.1"}));
    EXPECT_THAT(row().refused, IsEmpty());
}

TEST_F(SupplyTest, LeavesASourceThatStaysAlone) {
    begin();
    auto* before = &fake("one");
    config.pools["web"].sources = {spec("two"), spec("one")};
    supply->set(config);
    EXPECT_EQ(&fake("one"), before);
    EXPECT_TRUE(Fake::alive().contains("two"));
    config.pools["web"].sources = {spec("two")};
    supply->set(config);
    EXPECT_FALSE(Fake::alive().contains("one"));
}

TEST_F(SupplyTest, GoesOnInTheNextDaemonWithWhatItHad) {
    begin();
    fake("one").find({{{ip("10.0.0.1"), net::Port(80), 7, 2, {"blue"}}, {ip("2001:db8::1")}}});
    auto had = supply->supplies();
    clock.move(2s);
    supply.reset();
    begin();
    EXPECT_EQ(supply->supplies(), had);
    EXPECT_EQ(row().state, SourceState::starting);
    EXPECT_EQ(row().members, 2u);
    supply.reset();
    config.pools["web"].sources = {spec("another")};
    begin();
    EXPECT_THAT(members(), IsEmpty());
}

TEST_F(SupplyTest, BeginsEmptyWhereTheFileIsOfNoUse) {
    for (const char* text : {"", "{", R"({"version": 9})", R"({"version": 1, "sources": [{"pool": 1}]})"}) {
        dir.write("supply.json", text);
        begin();
        EXPECT_THAT(members(), IsEmpty()) << text;
        supply.reset();
    }
}

}  // namespace
}  // namespace weir::control
