#include "tests/e2e/bgp_fixture.h"

#include <cstdio>

namespace weir::e2e {

void BgpTest::SetUp() {
    SiteTest::SetUp();
    for (const std::string& why : {lab::Bird::why_not(), Gobgp::why_not(), Frr::why_not()})
        if (!why.empty() && !IsSkipped()) GTEST_SKIP() << why;
    if (IsSkipped()) return;
    site_.emplace(lab::DsrOptions{.lab = "bgp", .backends = 1});
    site_->dsr().backend(0).add_address("lo", std::string(kVip4) + "/32");
    site_->dsr().backend(0).add_address("lo", std::string(kVip6) + "/128");
}

Yaml BgpTest::yaml(const std::string& bgp) {
    Yaml yaml;
    yaml.vips = fmt::format("{}, \"{}\"", kVip4, kVip6);
    yaml.backends = "10.1.10.10";
    yaml.settings = fmt::format("bgp: {{drain: 1s, {}}}\n", bgp);
    return yaml;
}

bool BgpTest::serves(const std::string& url) {
    const auto done =
        lab::run(site_->client(), {"curl", "-sS", "--noproxy", "*", "-m", "2", "http://" + url + "/"});
    return done.out == "backend-1";
}

std::chrono::milliseconds BgpTest::time_of_day(const std::string& text) {
    int hours = 0, minutes = 0, seconds = 0, milliseconds = 0;
    EXPECT_EQ(std::sscanf(text.c_str() + 11, "%d:%d:%d.%d", &hours, &minutes, &seconds, &milliseconds), 4)
        << text;
    return ((hours * 60min + minutes * 1min) + seconds * 1s) + milliseconds * 1ms;
}

}  // namespace weir::e2e
