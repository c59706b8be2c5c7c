// What established connections and new ones survive: backends that leave, reloads, and the daemon's own end.
#include <gmock/gmock.h>

#include <fstream>

#include "lab/load.h"
#include "lab/tcp.h"
#include "tests/e2e/download.h"

namespace weir::e2e {
namespace {

constexpr const char* kVip = "192.168.101.1:80";
constexpr const char* kOtherPort = "192.168.101.1:8080";
const std::vector<std::string> kAll = {"backend-1", "backend-2", "backend-3"};

class Survive : public SiteTest {
  protected:
    void stand_up() {
        film_.emplace(120s);  // longer than whatever happens may take
        site_.emplace(lab::DsrOptions{.lab = "survive"}, [&](const std::string& backend) {
            lab::NginxOptions options = film_->nginx(backend);
            options.listen.emplace_back("0.0.0.0:8080");
            return options;
        });
        site_->start(yaml());
        download_.emplace(*site_, *film_);
    }

    static Yaml yaml() {
        Yaml yaml;
        yaml.vips = "192.168.101.1";
        return yaml;
    }
    static Yaml with_another_service() {
        Yaml more = yaml();
        more.services = "  other: {vip: 192.168.101.1, ports: [8080/tcp], pool: web}\n";
        return more;
    }
    static Yaml with_draining(size_t which) {
        Yaml drained = yaml();
        drained.backends.clear();
        for (size_t i = 0; i < kAll.size(); ++i)
            drained.backends += fmt::format("{}{{address: {}, state: {}}}", i ? ", " : "",
                                            lab::Dsr::address4(i), i == which ? "draining" : "enabled");
        return drained;
    }
    std::vector<std::string> all_but(size_t which) const {
        std::vector<std::string> others = kAll;
        others.erase(others.begin() + static_cast<long>(which));
        return others;
    }

    // What happens, each with what has to hold right afterwards.
    void another_backend_dies();
    void its_backend_drains();
    void a_service_is_added();
    void the_daemon_is_killed_and_replaced(const std::vector<std::string>& serving);
    void the_flow_table_gets_another_size(const char* size, bool by_reload);

    std::optional<Film> film_;
    std::optional<Site> site_;
    std::optional<Download> download_;
};

void Survive::another_backend_dies() {
    const size_t other = (download_->backend() + 1) % kAll.size();
    site_->server(other).kill();
    ASSERT_TRUE(site_->await(lab::Dsr::address4(other), "down"));
    EXPECT_TRUE(answered_by(site_->ask(kVip), all_but(other)));
    site_->server(other).start();
    ASSERT_TRUE(site_->await(lab::Dsr::address4(other), "up"));
}

void Survive::its_backend_drains() {
    ASSERT_TRUE(site_->reload(with_draining(download_->backend())));
    EXPECT_TRUE(answered_by(site_->ask(kVip), all_but(download_->backend())));
}

void Survive::a_service_is_added() {
    ASSERT_FALSE(lab::connect_tcp(site_->client(), lab::endpoint(kOtherPort), 100ms));
    ASSERT_TRUE(site_->reload(with_another_service()));
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll));
    EXPECT_TRUE(answered_by(site_->ask(kOtherPort), kAll));
}

void Survive::the_daemon_is_killed_and_replaced(const std::vector<std::string>& serving) {
    site_->daemon().kill();
    EXPECT_TRUE(answered_by(site_->ask(kVip), serving)) << "without a daemon";
    site_->daemon().start();
    EXPECT_TRUE(answered_by(site_->ask(kVip), serving)) << "with the new daemon";
    for (size_t i = 0; i < kAll.size(); ++i) EXPECT_TRUE(site_->await(lab::Dsr::address4(i), "up"));
}

void Survive::the_flow_table_gets_another_size(const char* size, bool by_reload) {
    const auto capacity = [&] {
        const boost::json::value status = site_->get("/api/v1/status");
        return status.at("flow_table").at("capacity").to_number<uint64_t>();
    };
    const uint64_t before = capacity();
    Yaml other = yaml();
    other.settings = fmt::format("flows: {{size: {}}}\n", size);
    if (by_reload) {
        ASSERT_TRUE(site_->reload(other));
    } else {
        site_->daemon().kill();
        std::ofstream(site_->daemon().config_path()) << other.text();
        site_->daemon().start();
    }
    EXPECT_TRUE(lab::wait_until([&] { return capacity() != before; }, kSoon)) << capacity();
    EXPECT_GE(capacity(), std::stoul(size));
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll));
}

TEST_F(Survive, ADownloadOutlivesAnotherBackendsDeath) {
    stand_up();
    another_backend_dies();
    EXPECT_TRUE(download_->intact());
}

TEST_F(Survive, ADownloadOutlivesTheDrainOfItsBackend) {
    stand_up();
    its_backend_drains();
    EXPECT_TRUE(download_->intact());
}

TEST_F(Survive, ADownloadOutlivesAReloadThatAddsAService) {
    stand_up();
    a_service_is_added();
    EXPECT_TRUE(download_->intact());
}

TEST_F(Survive, ADownloadOutlivesTheDaemonsDeathAndReplacement) {
    stand_up();
    its_backend_drains();  // from now on only its entry in the flow table leads it there
    the_daemon_is_killed_and_replaced(all_but(download_->backend()));
    EXPECT_TRUE(download_->intact());
}

TEST_F(Survive, ADownloadOutlivesOtherSizesOfTheFlowTable) {
    stand_up();
    the_flow_table_gets_another_size("16384", true);
    the_flow_table_gets_another_size("65536", false);
    ASSERT_FALSE(HasFailure());
    Yaml drained = with_draining(download_->backend());  // from now on only its entry leads it there
    drained.settings = "flows: {size: 65536}\n";
    ASSERT_TRUE(site_->reload(drained));
    EXPECT_TRUE(download_->intact());
}

TEST_F(Survive, ADownloadOutlivesAllOfItInSequence) {
    stand_up();
    another_backend_dies();
    its_backend_drains();
    ASSERT_TRUE(site_->reload(yaml()));
    a_service_is_added();
    the_daemon_is_killed_and_replaced(kAll);
    EXPECT_TRUE(download_->intact());
}

TEST_F(Survive, NewConnectionsGoOnDuringTwentyReloads) {
    stand_up();
    lab::SteadyLoad load(site_->client(), lab::endpoint(kVip), 200, 5s);
    Yaml other = with_draining(2);
    other.services = with_another_service().services;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(site_->reload(i % 2 ? yaml() : other));
    EXPECT_TRUE(answered_by(site_->ask(kVip), kAll)) << "so that the load spans all reloads";
    const std::vector<lab::Answer> answers = load.stop();
    Answers counts;
    for (const lab::Answer& answer : answers) ++counts[answer.text];
    EXPECT_TRUE(answered_by(counts, kAll));
}

}  // namespace
}  // namespace weir::e2e
