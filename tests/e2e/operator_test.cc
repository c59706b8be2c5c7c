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

}  // namespace
}  // namespace weir::e2e
