// The source `etcd` against the real one.
//
//   balancer 10.1.10.100 ── switch ── 10.1.10.1 store: etcd
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "base/pem_fixture.h"
#include "discovery/kinds.h"
#include "lab/failure.h"
#include "lab/lab.h"
#include "tests/e2e/etcd_server.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;
using testing::ElementsAre, testing::HasSubstr, testing::SizeIs;
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
    LoneSource& seek(LoneSource::Spec more = {}) {
        more.emplace("endpoints", List{etcd_->url()});
        more.emplace("prefix", "/web/");
        source_.reset();
        return source_.emplace(balancer(), discovery::etcd_kind(), std::move(more));
    }

    std::optional<lab::Lab> lab_;
    lab::Host* switch_ = nullptr;
    std::optional<EtcdServer> etcd_;
    std::optional<LoneSource> source_;
};

TEST_F(EtcdDiscovery, FindsWhatIsPutChangedAndDeleted) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11:80");
    etcd.put("/web/10.1.10.12", "");
    etcd.put("/other/b", "10.1.10.13");
    auto& source = seek();
    ASSERT_TRUE(source.awaits({"10.1.10.11:80", "10.1.10.12"})) << source.error();

    etcd.put("/web/c", R"({"address": "10.1.10.14", "weight": 3})");
    ASSERT_TRUE(source.awaits({"10.1.10.11:80", "10.1.10.12", "10.1.10.14*3"}));
    etcd.put("/web/a", "10.1.10.15");
    ASSERT_TRUE(source.awaits({"10.1.10.12", "10.1.10.14*3", "10.1.10.15"}));
    etcd.ctl({"del", "--prefix", "/web/"});
    ASSERT_TRUE(source.awaits({}));
    EXPECT_EQ(source.times_failed(), 0u);
}

TEST_F(EtcdDiscovery, LeavesGarbageOut) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    etcd.put("/web/b", "\x01\xff garbage");
    etcd.put("/web/c", R"({"address": 5})");
    auto& source = seek();
    ASSERT_TRUE(source.awaits({"10.1.10.11"})) << source.error();
    EXPECT_THAT(source.last().refused,
                ElementsAre(HasSubstr("/web/b: '\\x01\\xff garbage' is no ADDRESS"), HasSubstr("/web/c: ")));
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(source.awaits({"10.1.10.11", "10.1.10.12"}));
    EXPECT_EQ(source.times_failed(), 0u);
}

TEST_F(EtcdDiscovery, OutlivesACrashOfTheServer) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& source = seek();
    ASSERT_TRUE(source.awaits({"10.1.10.11"}));
    etcd.kill();
    ASSERT_TRUE(source.await([&] { return source.times_failed() > 0; }));
    EXPECT_EQ(source.times_found(), 1u) << "what is known stays";
    etcd.start();
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(source.awaits({"10.1.10.11", "10.1.10.12"})) << source.error();
}

TEST_F(EtcdDiscovery, OutlivesALongOutageOfTheNetwork) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& source = seek();
    ASSERT_TRUE(source.awaits({"10.1.10.11"}));
    switch_->set_up("store", false);
    etcd.put("/web/a", "10.1.10.12");
    etcd.put("/web/b", "10.1.10.13");
    auto last = etcd.ctl({"put", "/else", "1", "-w", "json"});
    auto revision = json::parse(last).at("header").at("revision").to_number<int64_t>();
    etcd.ctl({"compact", std::to_string(revision)});
    for (int minute = 0; minute < 10 && source.times_failed() == 0; minute++) source.let_pass(60s);
    ASSERT_TRUE(source.await([&] { return source.times_failed() > 0; }))
        << "nobody tells that the other end has gone, so silence has to";
    EXPECT_EQ(source.times_found(), 1u);
    switch_->set_up("store", true);
    ASSERT_TRUE(source.await_later([&] { return source.has({"10.1.10.12", "10.1.10.13"}); }))
        << source.error();
}

TEST_F(EtcdDiscovery, GoesOnWhenTheHistoryIsCompacted) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& source = seek();
    ASSERT_TRUE(source.awaits({"10.1.10.11"}));
    for (int i = 0; i < 5; i++) etcd.put("/else", std::to_string(i));
    auto last = etcd.ctl({"put", "/else", "5", "-w", "json"});
    auto revision = json::parse(last).at("header").at("revision").to_number<int64_t>();
    etcd.ctl({"compact", std::to_string(revision)});
    // Silent, the watch is begun again from a revision that is no longer known.
    source.let_pass(16s);
    ASSERT_TRUE(source.await([&] { return source.times_found() >= 2; }));
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(source.awaits({"10.1.10.11", "10.1.10.12"}));
    EXPECT_EQ(source.times_failed(), 0u);
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
    ASSERT_TRUE(stranger.awaits_failure("user name is empty")) << stranger.error();
    auto& mistaken = seek({{"user", "weir"}, {"password_file", model::FileText("wrong")}});
    ASSERT_TRUE(mistaken.awaits_failure("it does not let 'weir' in")) << mistaken.error();
    EXPECT_THAT(mistaken.error(), HasSubstr("check 'user' and 'password_file'"));
    EXPECT_THAT(mistaken.error(), testing::Not(HasSubstr("wrong")));
    auto& elsewhere =
        seek({{"user", "weir"}, {"password_file", model::FileText("right")}, {"prefix", "/else/"}});
    ASSERT_TRUE(elsewhere.awaits_failure("permission denied")) << elsewhere.error();

    auto& source = seek({{"user", "weir"}, {"password_file", model::FileText("right")}});
    ASSERT_TRUE(source.awaits({"10.1.10.11"})) << source.error();
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(source.awaits({"10.1.10.11", "10.1.10.12"}));
    EXPECT_EQ(source.times_failed(), 0u);
    etcd.kill();  // it keeps tokens in memory only
    ASSERT_TRUE(source.await([&] { return source.times_failed() > 0; }));
    etcd.start();
    etcd.remove("/web/a");
    ASSERT_TRUE(source.awaits({"10.1.10.12"})) << source.error();
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
    auto& source = seek({{"tls", tls}});
    ASSERT_TRUE(source.awaits({"10.1.10.11"})) << source.error();
    etcd.put("/web/b", "10.1.10.12");
    ASSERT_TRUE(source.awaits({"10.1.10.11", "10.1.10.12"}));

    tls.authorities = {};
    auto& distrustful = seek({{"tls", tls}});
    ASSERT_TRUE(distrustful.awaits_failure("certificate not accepted for 10.1.10.1")) << distrustful.error();
    tls = {.verify = false};
    auto& stranger = seek({{"tls", tls}});
    EXPECT_TRUE(stranger.await([&] { return stranger.times_failed() > 0; })) << "it has no certificate";
}

TEST_F(EtcdDiscovery, TurnsToAnotherEndpoint) {
    auto& etcd = serve();
    etcd.put("/web/a", "10.1.10.11");
    auto& source = seek({{"endpoints", List{"http://10.1.10.1:1", etcd.url()}}});
    ASSERT_TRUE(source.awaits({"10.1.10.11"}));
    EXPECT_EQ(source.times_failed(), 0u);
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
    auto& source = seek();
    ASSERT_TRUE(source.await([&] { return source.times_found() > 0; })) << source.error();
    EXPECT_THAT(source.last().members, SizeIs(kAll));
    etcd.ctl({"del", "--prefix", "/web/1"});
    ASSERT_TRUE(source.await([&] { return source.last().members.size() == kAll - 1111; }));
    EXPECT_LT(source.times_found(), 12u) << "many changes are few sets";
    EXPECT_EQ(source.times_failed(), 0u);
}

}  // namespace
}  // namespace weir::e2e
