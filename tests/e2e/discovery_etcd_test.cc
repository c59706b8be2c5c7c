// The source `etcd` against the real one.
//
//   balancer 10.1.10.100 ── switch ── 10.1.10.1 store: etcd
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/pem_fixture.h"
#include "discovery/kinds.h"
#include "lab/failure.h"
#include "lab/lab.h"
#include "lab/tcp.h"
#include "tests/e2e/etcd_server.h"
#include "tests/e2e/seeker.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;
using List = std::vector<std::string>;

constexpr const char* kStore = "10.1.10.1";

class EtcdDiscovery : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        if (auto why = EtcdServer::why_not(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("etcd");
        switch_ = &lab_->lan("switch", {&balancer(), &store()}, "eth0");
        balancer().add_address("eth0", "10.1.10.100/24");
        store().add_address("eth0", "10.1.10.1/24");
        balancer().await_carrier("eth0");
    }
    lab::Host& balancer() { return lab_->host("balancer"); }
    lab::Host& store() { return lab_->host("store"); }

    EtcdServer& serve(EtcdOptions options = {}) {
        if (!etcd_) etcd_.emplace(store(), kStore, std::move(options));
        return *etcd_;
    }
    Seeker& seek(Seeker::Settings more = {}) {
        more.emplace("endpoints", List{etcd_->url()});
        more.emplace("prefix", "/web/");
        seeker_.reset();
        return seeker_.emplace(balancer(), discovery::etcd_kind(), std::move(more));
    }

    std::optional<lab::Lab> lab_;
    lab::Host* switch_ = nullptr;
    std::optional<EtcdServer> etcd_;
    std::optional<Seeker> seeker_;
};

TEST_F(EtcdDiscovery, FindsWhatIsPutChangedAndDeleted) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11:80");
    etcd.put("/web/10.1.10.12", "");
    etcd.put("/other/b", "10.1.10.13");
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12"})) << seeker.last_failure();
    EXPECT_EQ(seeker.heard().sets.back().members.at(1).port, net::Port(80));

    etcd.put("/web/c", R"({"address": "10.1.10.14", "weight": 3})");
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12", "10.1.10.14"}));
    etcd.put("/web/a", "10.1.10.15");
    ASSERT_TRUE(seeker.finds({"10.1.10.12", "10.1.10.14", "10.1.10.15"}));
    etcd.ctl({"del", "--prefix", "/web/"});
    ASSERT_TRUE(seeker.finds({}));
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
}

TEST_F(EtcdDiscovery, LeavesGarbageOut) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    etcd.put("/web/b", "\x01\xff garbage");
    etcd.put("/web/c", R"({"address": 5})");
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11"})) << seeker.last_failure();
    EXPECT_THAT(seeker.heard().sets.back().refused,
                ElementsAre(HasSubstr("/web/b: '\\x01\\xff garbage' is no ADDRESS"), HasSubstr("/web/c: ")));
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12"}));
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
}

TEST_F(EtcdDiscovery, OutlivesACrashOfTheServer) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11"}));
    etcd.kill();
    ASSERT_TRUE(seeker.fails(1));
    EXPECT_THAT(seeker.heard().sets, SizeIs(1)) << "what is known stays";
    etcd.start();
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12"})) << seeker.last_failure();
}

TEST_F(EtcdDiscovery, OutlivesALongOutageOfTheNetwork) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11"}));
    switch_->set_up("store", false);
    etcd.put("/web/a", "10.1.10.12");
    etcd.put("/web/b", "10.1.10.13");
    auto last = etcd.ctl({"put", "/else", "1", "-w", "json"});
    auto revision = json::parse(last).at("header").at("revision").to_number<int64_t>();
    etcd.ctl({"compact", std::to_string(revision)});
    for (int minute = 0; minute < 10 && seeker.heard().failures.empty(); minute++) seeker.let_pass(60s);
    ASSERT_TRUE(seeker.fails(1)) << "nobody tells that the other end has gone, so silence has to";
    EXPECT_THAT(seeker.heard().sets, SizeIs(1));
    switch_->set_up("store", true);
    ASSERT_TRUE(seeker.later([&] { return seeker.has({"10.1.10.12", "10.1.10.13"}); }))
        << seeker.last_failure();
}

TEST_F(EtcdDiscovery, GoesOnWhenTheHistoryIsCompacted) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11"}));
    for (int i = 0; i < 5; i++) etcd.put("/else", std::to_string(i));
    auto last = etcd.ctl({"put", "/else", "5", "-w", "json"});
    auto revision = json::parse(last).at("header").at("revision").to_number<int64_t>();
    etcd.ctl({"compact", std::to_string(revision)});
    // Silent, the watch is begun again from a revision that is no longer known.
    seeker.let_pass(16s);
    ASSERT_TRUE(seeker.until([&] { return seeker.heard().sets.size() >= 2; }));
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12"}));
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
}

TEST_F(EtcdDiscovery, LogsInAndDoesSoAgainWhenItsTokenIsGone) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    for (const List& words : {List{"user", "add", "root:r"}, List{"user", "grant-role", "root", "root"},
                              List{"role", "add", "reader"},
                              List{"role", "grant-permission", "reader", "--prefix=true", "read", "/web/"},
                              List{"user", "add", "weir:right"}, List{"user", "grant-role", "weir", "reader"},
                              List{"auth", "enable"}})
        etcd.ctl(words);
    etcd.credentials = {"--user", "root:r"};

    auto& stranger = seek();
    ASSERT_TRUE(stranger.fails(1));
    EXPECT_THAT(stranger.last_failure(), HasSubstr("user name is empty"));
    auto& mistaken = seek({{"user", "weir"}, {"password_file", model::FileText("wrong")}});
    ASSERT_TRUE(mistaken.fails(1));
    EXPECT_THAT(mistaken.last_failure(), HasSubstr("it does not let 'weir' in"));
    EXPECT_THAT(mistaken.last_failure(), HasSubstr("check 'user' and 'password_file'"));
    EXPECT_THAT(mistaken.last_failure(), testing::Not(HasSubstr("wrong")));
    auto& elsewhere =
        seek({{"user", "weir"}, {"password_file", model::FileText("right")}, {"prefix", "/else/"}});
    ASSERT_TRUE(elsewhere.fails(1));
    EXPECT_THAT(elsewhere.last_failure(), HasSubstr("permission denied"));

    auto& seeker = seek({{"user", "weir"}, {"password_file", model::FileText("right")}});
    ASSERT_TRUE(seeker.finds({"10.1.10.11"})) << seeker.last_failure();
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12"}));
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
    etcd.kill();  // it keeps tokens in memory only
    ASSERT_TRUE(seeker.fails(1));
    etcd.start();
    etcd.remove("/web/a");
    ASSERT_TRUE(seeker.finds({"10.1.10.12"})) << seeker.last_failure();
}

TEST_F(EtcdDiscovery, SpeaksTlsAndShowsItsCertificate) {
    const auto authority = make_certificate({});
    const auto server = make_certificate({.names = "IP:10.1.10.1,DNS:store", .issuer = &authority});
    const auto client = make_certificate({.names = "DNS:weir", .issuer = &authority});
    lab::TempDir files;
    const auto ca = files.write("ca", authority.certificate), cert = files.write("cert", server.certificate),
               key = files.write("key", server.key);
    auto& etcd = serve({.scheme = "https",
                        .arguments = {"--cert-file", cert, "--key-file", key, "--client-cert-auth",
                                      "--trusted-ca-file", ca}});
    etcd.credentials = {"--cacert", ca,
                        "--cert",   files.write("own", client.certificate),
                        "--key",    files.write("own.key", client.key)};
    etcd.put("/web/a", "10.1.10.11");
    model::Tls tls{.authorities = model::FileText(authority.certificate),
                   .certificate = model::FileText(client.certificate),
                   .key = model::FileText(client.key)};
    auto& seeker = seek({{"tls", tls}});
    ASSERT_TRUE(seeker.finds({"10.1.10.11"})) << seeker.last_failure();
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(seeker.finds({"10.1.10.11", "10.1.10.12"}));

    tls.authorities = {};
    auto& distrustful = seek({{"tls", tls}});
    ASSERT_TRUE(distrustful.fails(1));
    EXPECT_THAT(distrustful.last_failure(), HasSubstr("certificate not accepted for 10.1.10.1"));
    tls = {.verify = false};
    auto& stranger = seek({{"tls", tls}});
    EXPECT_TRUE(stranger.fails(1)) << "it has no certificate";
}

TEST_F(EtcdDiscovery, TurnsToAnotherEndpoint) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& seeker = seek({{"endpoints", List{"http://10.1.10.1:1", etcd.url()}}});
    ASSERT_TRUE(seeker.finds({"10.1.10.11"}));
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
}

TEST_F(EtcdDiscovery, TakesTenThousandKeys) {
    auto& etcd = serve();
    // etcd takes up to 128 operations in a transaction.
    constexpr int kAll = 10000, kEach = 125;
    for (int first = 0; first < kAll; first += kEach) {
        std::string puts;
        for (int i = first; i < first + kEach; i++)
            puts += fmt::format("put /web/{} 10.2.{}.{}:80\n", i, i / 250, 1 + i % 250);
        lab::TempDir files;
        auto script = files.write("txn", "\n" + puts + "\n\n");
        auto done = lab::run(
            store(),
            {"sh", "-c", fmt::format("ETCDCTL_API=3 etcdctl --endpoints {} txn <{}", etcd.url(), script)});
        ASSERT_EQ(done.status, 0) << done.out << done.err;
    }
    auto& seeker = seek();
    ASSERT_TRUE(seeker.until([&] { return !seeker.heard().sets.empty(); })) << seeker.last_failure();
    EXPECT_THAT(seeker.heard().sets.back().members, SizeIs(kAll));
    etcd.ctl({"del", "--prefix", "/web/1"});
    ASSERT_TRUE(seeker.until([&] { return seeker.heard().sets.back().members.size() == kAll - 1111; }));
    EXPECT_LT(seeker.heard().sets.size(), 12u) << "many changes are few sets";
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
}

/// The daemon with a pool out of etcd.
class EtcdPool : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        if (auto why = EtcdServer::why_not(); !why.empty()) GTEST_SKIP() << why;
        site_.emplace(lab::DsrOptions{.lab = "etcdpool", .ipv6 = false});
        etcd_.emplace(site_->client(), kStore);
    }
    void start() {
        daemon_.emplace(site_->balancer(), WEIR_BINARY,
                        fmt::format("interfaces: [eth0]\npools:\n"
                                    "  web: {{damping: 0s, etcd: {{endpoints: ['{}'], prefix: /web/}}}}\n"
                                    "services:\n"
                                    "  web: {{vip: 192.168.101.1, ports: 80, pool: web, forward: dsr}}\n",
                                    etcd_->url()));
    }
    json::value source() { return lab::must(daemon_->get("/api/v1/pools")).at(0).at("sources").at(0); }
    std::vector<std::string> backends() {
        std::vector<std::string> all;
        const auto rows = lab::must(daemon_->get("/api/v1/backends"));  // outlives the loop
        for (const auto& row : rows.as_array()) all.emplace_back(row.at("address").as_string());
        std::ranges::sort(all);
        return all;
    }
    bool has(const std::vector<std::string>& wanted) {
        return lab::wait_until([&] { return backends() == wanted; }, kSoon);
    }
    /// What the next daemon would begin with.
    std::string kept() {
        return lab::read_file(std::filesystem::path(daemon_->config_path()).parent_path() /
                              "state/supply.json");
    }
    bool serves(const std::vector<std::string>& names) {
        return lab::wait_until([&] { return bool(answered_by(site_->ask("192.168.101.1:80", 20), names)); },
                               kSoon);
    }

    std::optional<Site> site_;
    std::optional<EtcdServer> etcd_;
    std::optional<lab::Daemon> daemon_;
};

TEST_F(EtcdPool, FollowsEtcdAndStaysWhenItIsGone) {
    etcd_->put("/web/a", "10.1.10.10");
    start();
    ASSERT_TRUE(has({"10.1.10.10"})) << daemon_->log();
    ASSERT_TRUE(serves({"backend-1"}));
    std::vector<double> times;
    for (int i = 0; i < 10; i++) {
        etcd_->put("/web/b", i % 2 == 0 ? "10.1.10.11" : "10.1.10.12");
        auto begin = std::chrono::steady_clock::now();
        ASSERT_TRUE(has({"10.1.10.10", i % 2 == 0 ? "10.1.10.11" : "10.1.10.12"}));
        times.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::sort(times);
    fmt::print("from the put to the plan: median {:.0f} ms, slowest {:.0f} ms\n", times[5], times.back());
    EXPECT_LT(times[5], 2000);
    ASSERT_TRUE(serves({"backend-1", "backend-3"}));

    etcd_->kill();
    ASSERT_TRUE(lab::wait_until([&] { return source().at("state") == "failing"; }, kSoon));
    EXPECT_THAT(std::string(source().at("error").as_string()), HasSubstr("etcd: http://10.1.10.1:2379: "));
    EXPECT_EQ(source().at("members"), 2);
    ASSERT_TRUE(serves({"backend-1", "backend-3"})) << "the last that was known stays";
    ASSERT_TRUE(lab::wait_until([&] { return kept().contains("10.1.10.12"); }, kSoon)) << kept();
    daemon_->kill();
    daemon_->start();
    ASSERT_TRUE(has({"10.1.10.10", "10.1.10.12"})) << "a daemon that begins meanwhile knows it, too";

    etcd_->start();
    etcd_->remove("/web/a");
    ASSERT_TRUE(has({"10.1.10.12"})) << json::serialize(source());
    EXPECT_EQ(source().at("state"), "ok");
    ASSERT_TRUE(serves({"backend-3"}));
    etcd_->remove("/web/b");
    ASSERT_TRUE(lab::wait_until([&] { return !source().at("held_back").is_null(); }, kSoon))
        << "none is fewer than the minimum";
    ASSERT_TRUE(serves({"backend-3"}));
}

}  // namespace
}  // namespace weir::e2e
