// A pool of the real daemon that a file fills: what comes of it in the datapath and for clients.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "tests/e2e/fed_site.h"

namespace weir::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kOne = "10.1.10.10", kTwo = "10.1.10.11", kThree = "10.1.10.12";

class FileDiscovery : public FedSiteTest {
  protected:
    std::string file(const std::string& name = "list") const {
        return fmt::format("file: {{path: {}}}", path(name));
    }
};

TEST_F(FileDiscovery, BringsAndTakesBackends) {
    put(kOne + "\n" + kTwo + "\n");
    start(file() + ", damping: 0s");
    ASSERT_TRUE(become({kOne, kTwo}));
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    EXPECT_TRUE(is("ok"));

    EXPECT_TRUE(follows_at_once("from the file's new name to the plan in force",
                                {[&] { put(kTwo + "\n" + kThree + "\n"); }, {kTwo, kThree}},
                                {[&] { put(kOne + "\n" + kTwo + "\n"); }, {kOne, kTwo}}));
    put("- " + kTwo + "\n- {address: " + kThree + ", weight: 3, tags: [blue]}\n");
    ASSERT_TRUE(become({kTwo, kThree}));
    EXPECT_TRUE(served_by({"backend-2", "backend-3"}));
    EXPECT_EQ(site_->row(kThree).at("weight").to_number<int>(), 3);

    put(kTwo + "\nnonsense\n");
    ASSERT_TRUE(become({kTwo}));
    EXPECT_THAT(boost::json::serialize(source().at("refused")), HasSubstr("line 2: 'nonsense'"));
}

TEST_F(FileDiscovery, KeepsTheLastGoodListWhileThereIsNone) {
    put(kOne + "\n" + kTwo + "\n");
    start(file());
    ASSERT_TRUE(become({kOne, kTwo}));
    fs::remove(path());
    ASSERT_TRUE(is("failing"));
    EXPECT_THAT(says("error"), HasSubstr("No such file or directory"));
    put("<html>Bad Gateway</html>\n");
    ASSERT_TRUE(lab::wait_until([&] { return says("error").contains("'<html>Bad'"); }, kSoon))
        << says("error");
    put("[\"" + kOne + "\",\n");
    ASSERT_TRUE(lab::wait_until([&] { return says("error").contains("not YAML"); }, kSoon)) << says("error");
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    EXPECT_THAT(boost::json::serialize(site_->get("/api/v1/status").at("problems")), HasSubstr("file"));
    put(kTwo + "\n");
    ASSERT_TRUE(become({kTwo}));
    EXPECT_TRUE(is("ok"));
}

TEST_F(FileDiscovery, IsNotFollowedBelowTheMinimum) {
    put(kOne + "\n" + kTwo + "\n" + kThree + "\n");
    start(file() + ", minimum: 2");
    ASSERT_TRUE(become({kOne, kTwo, kThree}));
    put(kOne + "\n");
    ASSERT_TRUE(lab::wait_until([&] { return !says("held_back").empty(); }, kSoon));
    EXPECT_THAT(says("held_back"), HasSubstr("1 backends left of 3"));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo, kThree}));
    put(kTwo + "\n" + kThree + "\n");
    ASSERT_TRUE(become({kTwo, kThree}));
    EXPECT_EQ(says("held_back"), "");
    put("");
    ASSERT_TRUE(lab::wait_until([&] { return !says("held_back").empty(); }, kSoon));
    EXPECT_EQ(backends(), (Addresses{kTwo, kThree}));
    ASSERT_TRUE(reload(file() + ", minimum: 0"));
    EXPECT_TRUE(become({})) << "the operator allows it";
}

TEST_F(FileDiscovery, KeepsABackendThatFlapsForAWhile) {
    put(kOne + "\n" + kTwo + "\n");
    start(file() + ", damping: 3s");
    ASSERT_TRUE(become({kOne, kTwo}));
    put(kOne + "\n");
    ASSERT_TRUE(become({kOne})) << "the first time it goes at once";
    put(kOne + "\n" + kTwo + "\n");
    ASSERT_TRUE(become({kOne, kTwo}));
    put(kOne + "\n");
    ASSERT_TRUE(lab::wait_until([&] { return source().at("damped").to_number<int>() == 1; }, kSoon));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    ASSERT_TRUE(become({kOne})) << "it has not come again";
    EXPECT_EQ(source().at("damped").to_number<int>(), 0);
}

TEST_F(FileDiscovery, OutlivesTheDaemonWhileTheFileIsAway) {
    put(kOne + "\n" + kTwo + "\n");
    start(file());
    ASSERT_TRUE(become({kOne, kTwo}));
    ASSERT_TRUE(served_by({"backend-1", "backend-2"}));
    put(kOne + "\n" + kThree + "\n");
    ASSERT_TRUE(become({kOne, kThree}));
    ASSERT_EQ(site_->daemon().replace(), 0);
    EXPECT_TRUE(become({kOne, kThree}));
    put(kTwo + "\n" + kThree + "\n");
    ASSERT_TRUE(become({kTwo, kThree}));
    ASSERT_TRUE(is_kept({kTwo, kThree}));
    fs::remove(path());
    site_->daemon().kill();
    site_->daemon().start();
    ASSERT_TRUE(is("failing"));
    EXPECT_TRUE(become({kTwo, kThree}));
    EXPECT_TRUE(served_by({"backend-2", "backend-3"}));
    put(kOne + "\n");
    EXPECT_TRUE(become({kOne})) << "it is only followed again when it is there";
}

TEST_F(FileDiscovery, GoesOnThroughReloads) {
    put(kOne + "\n" + kTwo + "\n");
    start(file());
    ASSERT_TRUE(become({kOne, kTwo}));
    const auto answered = says("answered_at");
    ASSERT_TRUE(reload(file() + ", damping: 1s"));
    EXPECT_EQ(source().at("sets_total").to_number<int>(), 1) << "the source is the same";
    EXPECT_EQ(says("answered_at"), answered);

    ASSERT_TRUE(reload(file("other")));
    ASSERT_TRUE(is("failing"));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo})) << "until the new source has found something";
    put(kThree + "\n", "other");
    ASSERT_TRUE(become({kThree}));
    put(kOne + "\n");
    ASSERT_TRUE(reload(fmt::format("static: [{}]", kTwo)));
    EXPECT_TRUE(become({kTwo})) << "what the source had found goes with it";
}

TEST_F(FileDiscovery, StandsBesideOtherSources) {
    put(kTwo + " weight=5\n" + kOne + "\n" + kTwo + "\n192.168.101.1\n");
    put(kTwo + " weight=7\n" + kThree + "\n", "other");
    start(fmt::format("static: [{}], file: [{{path: {}}}, {{path: {}}}]", kOne, path(), path("other")));
    ASSERT_TRUE(become({kOne, kTwo, kThree}));
    EXPECT_EQ(site_->row(kTwo).at("weight").to_number<int>(), 5) << "the source that stands first counts";
    EXPECT_EQ(source().at("duplicates").to_number<int>(), 1);
    auto left_out = boost::json::serialize(source().at("left_out"));
    EXPECT_THAT(left_out, HasSubstr("192.168.101.1: "));
    EXPECT_EQ(boost::json::serialize(source(1).at("left_out")), "[]")
        << "that others have it, too, is no fault";
}

}  // namespace
}  // namespace weir::e2e
