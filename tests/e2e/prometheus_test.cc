// A real Prometheus scrapes the daemon and evaluates the alert rules that weir ships.
#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <regex>

#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;

class Watched : public SiteTest {
  protected:
    /// What Prometheus answers under `data`, or null.
    json::value ask(const std::string& path) {
        const auto answer = lab::http_get(site_->balancer(), lab::endpoint("127.0.0.1:9091"), path);
        boost::system::error_code error;
        json::value value = answer ? json::parse(*answer, error) : json::value();
        if (error || !value.is_object() || !value.as_object().contains("data")) return nullptr;
        return value.at("data");
    }
    bool fires(const std::string& alert, const std::string& address) {
        const json::value data = ask("/api/v1/alerts");
        if (data.is_null()) return false;
        for (const json::value& each : data.at("alerts").as_array()) {
            const json::object& labels = each.at("labels").as_object();
            if (labels.at("alertname") == json::value(alert) && labels.contains("address") &&
                labels.at("address") == json::value(address) && each.at("state") == "firing")
                return true;
        }
        return false;
    }

    std::optional<Site> site_;
};

TEST_F(Watched, APrometheusScrapesTheMetricsAndItsRulesFire) {
    if (std::system("command -v prometheus >/dev/null 2>&1") != 0) GTEST_SKIP() << "no prometheus here";
    site_.emplace(lab::DsrOptions{.lab = "prometheus"});
    site_->start({.settings = "admin: {listen: 127.0.0.1:9070}\n"});
    lab::TempDir dir;
    const std::string shipped = lab::read_file(WEIR_SOURCE_DIR "/examples/prometheus/weir.rules.yml");
    dir.write("weir.rules.yml", std::regex_replace(shipped, std::regex("for: [0-9a-z]+"), "for: 0s"));
    const std::string config = lab::read_file(WEIR_SOURCE_DIR "/examples/prometheus/prometheus.yml");
    const std::string file =
        dir.write("prometheus.yml", std::regex_replace(config, std::regex("scrape_interval: 15s"),
                                                       "scrape_interval: 1s\n  evaluation_interval: 1s"));
    const lab::Process prometheus(site_->balancer(), {"prometheus", "--config.file=" + file,
                                                      "--storage.tsdb.path=" + std::string(dir / "data"),
                                                      "--web.listen-address=127.0.0.1:9091"});
    const auto backends = [&] {
        const json::value data = ask("/api/v1/query?query=weir_backend_up==1");
        return data.is_null() ? 0 : data.at("result").as_array().size();
    };
    EXPECT_TRUE(lab::wait_until([&] { return backends() == 6; }, 30s)) << backends() << prometheus.err();
    EXPECT_FALSE(fires("WeirBackendDown", "10.1.10.12"));
    site_->server(2).kill();
    EXPECT_TRUE(lab::wait_until([&] { return fires("WeirBackendDown", "10.1.10.12"); }, 60s))
        << json::serialize(ask("/api/v1/alerts"));
}

}  // namespace
}  // namespace weir::e2e
