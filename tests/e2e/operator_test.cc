// What the operator changes of a backend by hand, with the real command line, daemon and datapath.
#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "tests/e2e/download.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kVip = "192.168.101.1:80";
const std::vector<std::string> kAll = {"backend-1", "backend-2", "backend-3"};

using Operator = SiteTest;

TEST_F(Operator, DrainsABackendUnderADownloadToItsEndAndOverARestart) {
    const Film film(20s);  // of which the drain and the requests take a few
    Site site({.lab = "operator"}, [&](const std::string& backend) { return film.nginx(backend); });
    Yaml yaml;
    yaml.vips = "192.168.101.1";
    yaml.settings = "flows: {timeouts: {closing: 1s}}\n";
    site.start(yaml);
    Download download(site, film);
    const std::string address = lab::Dsr::address4(download.backend());
    std::vector<std::string> others = kAll;
    others.erase(others.begin() + static_cast<long>(download.backend()));

    lab::Process drain(site.balancer(),
                       {WEIR_BINARY, "--socket", site.daemon().socket(), "drain", address, "--wait"});
    ASSERT_TRUE(lab::wait_until([&] { return !drain.out().empty(); }, kSoon)) << drain.err();
    EXPECT_TRUE(answered_by(site.ask(kVip), others));
    EXPECT_TRUE(drain.alive()) << "the download's flow is left";
    EXPECT_TRUE(download.complete());
    EXPECT_EQ(drain.wait(60s), 0) << drain.out() << drain.err();
    EXPECT_THAT(drain.out(), HasSubstr(address + ": 1 flow left\n"));
    EXPECT_THAT(drain.out(), testing::EndsWith(address + ": drained\n"));

    site.daemon().kill();
    site.daemon().start();
    EXPECT_EQ(site.row(address).at("state"), "draining");
    EXPECT_TRUE(site.row(address).at("override").at("by").is_string());
    EXPECT_TRUE(answered_by(site.ask(kVip), others));

    EXPECT_EQ(site.weir({"lift", address}).status, 0);
    EXPECT_TRUE(site.row(address).at("override").is_null());
    EXPECT_TRUE(answered_by(site.ask(kVip), kAll));
}

TEST_F(Operator, ChangesABackendByEveryCommandEverywhereAndInOneService) {
    Site site({.lab = "operator", .backends = 2});
    Yaml yaml;
    yaml.vips = "192.168.101.1";
    yaml.backends = "10.1.10.10, 10.1.10.11";
    site.start(yaml);
    const std::string address = "10.1.10.10";
    const auto does = [&](std::vector<std::string> words) {
        const lab::Finished finished = site.weir(std::move(words));
        EXPECT_EQ(finished.status, 0) << finished.err;
    };
    does({"disable", address});
    EXPECT_EQ(site.row(address).at("state"), "disabled");
    EXPECT_TRUE(answered_by(site.ask(kVip), {"backend-2"}));
    does({"enable", address, "--service", "web"});
    EXPECT_EQ(site.row(address).at("state"), "enabled") << "the service's own counts";
    EXPECT_TRUE(answered_by(site.ask(kVip), {"backend-1", "backend-2"}));
    does({"lift", address, "--service", "web"});
    EXPECT_EQ(site.row(address).at("state"), "disabled");
    does({"lift", address});
    does({"weight", address, "0", "--service", "web"});
    EXPECT_EQ(site.row(address).at("weight"), 0);
    EXPECT_TRUE(answered_by(site.ask(kVip), {"backend-2"}));
    does({"weight", address, "3"});
    EXPECT_EQ(site.row(address).at("weight"), 0) << "the service's own counts";
    EXPECT_THAT(site.weir({"weight", address, "3"}).err,
                HasSubstr("in service web an override of its own wins: weight 0"));
    does({"lift", address, "--service", "web"});
    EXPECT_EQ(site.row(address).at("weight"), 3);

    does({"drain", address, "--deadline", "1s"});
    EXPECT_EQ(site.row(address).at("state"), "draining");
    EXPECT_TRUE(lab::wait_until([&] { return site.row(address).at("state") == "disabled"; }, kSoon))
        << "at the deadline it is cut off";
    EXPECT_TRUE(answered_by(site.ask(kVip), {"backend-2"}));

    EXPECT_EQ(site.weir({"disable", "10.1.10.99"}).status, 1) << "nobody's";
    EXPECT_EQ(site.weir({"disable", address, "--service", "wbe"}).status, 1);
    EXPECT_EQ(site.weir({"weight", address, "1001"}).status, 2);
    EXPECT_EQ(site.weir({"enable", "backend-1"}).status, 2) << "a name is no address";
}

}  // namespace
}  // namespace weir::e2e
