// Pools that an HTTP document, gmond and an agent that answers as Consul does fill, through the daemon: from
// a change at the server to the datapath, and what stays while the server is gone.
#include <gmock/gmock.h>

#include "lab/gmond.h"
#include "tests/e2e/fed_site.h"

namespace weir::e2e {
namespace {

using std::chrono::steady_clock;

const std::string kOne = "10.1.10.10", kTwo = "10.1.10.11", kThree = "10.1.10.12";

using ServedDiscovery = FedSiteTest;

TEST_F(ServedDiscovery, AnHttpDocumentFillsAPool) {
    put("[\"" + kOne + "\"]");
    lab::Nginx nginx(
        site_->balancer(), "list",
        {.listen = {"127.0.0.1:8081"}, .more = fmt::format("location /list {{ alias {}; }}", path())});
    start("http: {url: \"http://127.0.0.1:8081/list\", interval: 100ms}, damping: 0s");
    ASSERT_TRUE(become({kOne}));
    EXPECT_TRUE(served_by({"backend-1"}));
    auto since = steady_clock::now();
    put(fmt::format(R"([{{"address": "{}", "weight": 3}}, "{}", "nonsense"])", kTwo, kThree));
    ASSERT_TRUE(become({kTwo, kThree}));
    print_span("from the document's change to the plan in force, asked every 100 ms", since);
    EXPECT_TRUE(served_by({"backend-2", "backend-3"}));
    EXPECT_EQ(site_->row(kTwo).at("weight").to_number<int>(), 3);
    put("{not JSON");
    EXPECT_TRUE(is("failing"));
    nginx.kill();
    EXPECT_TRUE(is("failing"));
    EXPECT_EQ(backends(), (Addresses{kTwo, kThree}));
    EXPECT_TRUE(served_by({"backend-2", "backend-3"}));
    put("[\"" + kOne + "\"]");
    nginx.start();
    EXPECT_TRUE(become({kOne}));
    EXPECT_TRUE(is("ok"));
}

TEST_F(ServedDiscovery, GmondFillsAPoolAndWeighsIt) {
    if (const auto why = lab::Gmond::why_not(); !why.empty()) GTEST_SKIP() << why;
    lab::Gmond gmond(site_->balancer(), "127.0.0.1");
    gmond.report(kOne, "load_one", 0);
    start("ganglia: {address: \"127.0.0.1:8649\", interval: 1s}, damping: 0s");
    ASSERT_TRUE(become({kOne}));
    auto since = steady_clock::now();
    gmond.report(kTwo, "load_one", 1);
    ASSERT_TRUE(become({kOne, kTwo}));
    print_span("from a host's first word to the plan in force, asked every second", since);
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    EXPECT_GT(site_->row(kOne).at("weight").to_number<int>(), site_->row(kTwo).at("weight").to_number<int>());
    gmond.kill();
    ASSERT_TRUE(is("failing"));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    gmond.start();
    gmond.report(kOne, "load_one", 0);
    EXPECT_TRUE(is("ok"));
}

TEST_F(ServedDiscovery, GmondsGarbageIsLeftOut) {
    if (const auto why = lab::Gmond::why_not(); !why.empty()) GTEST_SKIP() << why;
    lab::Gmond gmond(site_->balancer(), "127.0.0.1");
    for (const auto& address : {kOne, kTwo}) gmond.report(address, "load_one", 1);
    start("ganglia: {address: \"127.0.0.1:8649\", interval: 1s}, damping: 0s");
    ASSERT_TRUE(become({kOne, kTwo}));
    gmond.report(kThree, "load_one", "heavy");
    EXPECT_TRUE(refuses({kThree + ": its load_one is 'heavy', not a number from 0"}));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
    gmond.report(kTwo, "load_one", -1);
    EXPECT_TRUE(refuses({kTwo + ": its load_one is '-1", "'heavy'"}));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo})) << "of a host that is known, what it told last counts";
    EXPECT_TRUE(is("ok"));

    gmond.kill();
    const std::string half = "<GANGLIA_XML><CLUSTER NAME=\"lab\"><HOST NAME=\"a\" IP=\"" + kThree;
    put(half, "said");
    {
        lab::Process teller(site_->balancer(), {"/usr/bin/python3", WEIR_SOURCE_DIR "/tests/e2e/teller.py",
                                                "8649", path("said")});
        ASSERT_TRUE(fails_with("127.0.0.1:8649: not whole XML"));
        put("<html><body>Bad Gateway</body></html>", "said");
        ASSERT_TRUE(fails_with("no Ganglia XML: it begins with <html>"));
        put(half + "\" TN=\"soon\"/></CLUSTER></GANGLIA_XML>", "said");
        ASSERT_TRUE(refuses({"cluster lab, host a: it does not say when it has last reported"}));
        EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
        EXPECT_TRUE(served_by({"backend-1", "backend-2"}));
    }
    gmond.start();
    gmond.report(kThree, "load_one", 1);
    EXPECT_TRUE(become({kOne, kTwo, kThree}));
    EXPECT_TRUE(is("ok"));
}

TEST_F(ServedDiscovery, AConsulServiceFillsAPool) {
    auto passing = [&, index = 6](const std::string& services) mutable {
        put(fmt::format(R"({{"index": {}, "passing": [{}]}})", ++index, services), "consul.json");
    };
    auto agent = [&] {
        return std::make_unique<lab::Process>(
            site_->balancer(),
            std::vector<std::string>{"/usr/bin/python3", WEIR_SOURCE_DIR "/tests/e2e/consul.py", "8500",
                                     path("consul.json")});
    };
    passing("\"" + kOne + ":80\"");
    auto running = agent();
    start("consul: {address: \"http://127.0.0.1:8500\", service: web}, damping: 0s");
    ASSERT_TRUE(become({kOne}));
    EXPECT_EQ(site_->row(kOne).at("weight").to_number<int>(), 2);
    EXPECT_TRUE(follows_at_once(
        "from the service's change to the plan in force",
        {[&] { passing(fmt::format(R"("{}:80", "{}:80")", kOne, kTwo)); }, {kOne, kTwo}},
        {[&] { passing(fmt::format(R"("{}:80", "{}:80")", kTwo, kThree)); }, {kTwo, kThree}}));
    EXPECT_TRUE(served_by({"backend-2", "backend-3"}));
    running.reset();
    ASSERT_TRUE(is("failing"));
    EXPECT_EQ(backends(), (Addresses{kTwo, kThree}));
    passing("\"" + kOne + ":80\"");
    running = agent();
    EXPECT_TRUE(become({kOne}));
    EXPECT_TRUE(is("ok"));
}

}  // namespace
}  // namespace weir::e2e
