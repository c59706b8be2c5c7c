// The source `redis` against a real Redis, from another host than the server's.
#include <gmock/gmock.h>

#include "base/pem_fixture.h"
#include "discovery/kinds.h"
#include "lab/lab.h"
#include "lab/redis.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/pace.h"

namespace weir::e2e {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::Contains, testing::HasSubstr;
using Members = std::set<std::string>;

constexpr const char* kAddress = "10.9.0.1:6379";

/// Without a setting, Redis tells nobody of changes.
const std::vector<std::string> kTelling = {"--notify-keyspace-events", "Kgshzxe"};

class DiscoveryRedis : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        if (const auto why = lab::Redis::why_not(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("redis");
        lab_->connect(lab_->host("server"), "eth0", lab_->host("weir"), "eth0");
        lab_->host("server").add_address("eth0", "10.9.0.1/24");
        lab_->host("weir").add_address("eth0", "10.9.0.2/24");
    }
    void serve(const std::vector<std::string>& settings) { redis_.emplace(lab_->host("server"), settings); }
    /// With an interval that only an event can be sooner than, unless the settings have another.
    void begin(LoneSource::Spec settings = {}) {
        settings.emplace("address", std::string(kAddress));
        settings.emplace("key", std::string("web"));
        settings.emplace("interval", std::chrono::milliseconds(10min));
        source_.emplace(lab_->host("weir"), discovery::redis_kind(), std::move(settings));
    }
    std::string tell(std::vector<std::string> command) { return redis_->tell(std::move(command)); }

    std::optional<lab::Lab> lab_;
    std::optional<lab::Redis> redis_;
    std::optional<LoneSource> source_;
};

TEST_F(DiscoveryRedis, FollowsASetByItsEvents) {
    serve(kTelling);
    tell({"SADD", "web", "10.1.10.10:80", "garbage", R"({"address": "10.1.10.11", "weight": 3})"});
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3"})) << source_->error();
    EXPECT_THAT(source_->last().refused,
                Contains(HasSubstr("key 'web', 'garbage': 'garbage' is no ADDRESS")));

    auto since = steady_clock::now();
    tell({"SADD", "web", "10.1.10.12"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11*3", "10.1.10.12"}));
    print_span("from redis-cli SADD to the listener", since);
    tell({"SREM", "web", "10.1.10.10:80", "garbage"});
    ASSERT_TRUE(source_->awaits({"10.1.10.11*3", "10.1.10.12"}));
    EXPECT_TRUE(source_->last().refused.empty());
    tell({"RENAME", "web", "other"});
    ASSERT_TRUE(source_->awaits({})) << "no key: no backends";
    tell({"RENAME", "other", "web"});
    ASSERT_TRUE(source_->awaits({"10.1.10.11*3", "10.1.10.12"}));
    tell({"PEXPIRE", "web", "100"});
    ASSERT_TRUE(source_->awaits({}));
    EXPECT_EQ(source_->times_failed(), 0u);
}

TEST_F(DiscoveryRedis, FollowsWeightsOfASortedSetAndOfAHash) {
    serve(kTelling);
    tell({"ZADD", "web", "5", "10.1.10.10:80", "1", "10.1.10.11", "1.5", "10.1.10.12"});
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80*5", "10.1.10.11"})) << source_->error();
    EXPECT_THAT(source_->last().refused, Contains(HasSubstr("its score '1.5' is no weight")));
    tell({"ZINCRBY", "web", "2", "10.1.10.11"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80*5", "10.1.10.11*3"}));

    tell({"DEL", "web"});
    ASSERT_TRUE(source_->awaits({}));
    tell({"HSET", "web", "10.1.10.10:80", "5", "10.1.10.11", "", "web-3", "10.1.10.12:81"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80*5", "10.1.10.11", "10.1.10.12:81"}));
    tell({"HSET", "web", "10.1.10.11", "9", "web-3", "10.1.10.13:81"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80*5", "10.1.10.11*9", "10.1.10.13:81"}));
}

TEST_F(DiscoveryRedis, ReadsTheKeyAgainAndAgainWithoutEvents) {
    serve({});
    begin({{"interval", std::chrono::milliseconds(200)}});
    ASSERT_TRUE(source_->awaits({}));
    tell({"SADD", "web", "10.1.10.10:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"}));
    tell({"SREM", "web", "10.1.10.10:80"});
    ASSERT_TRUE(source_->awaits({}));
}

TEST_F(DiscoveryRedis, FailsWithAKeyOfAnotherTypeUntilItIsRight) {
    serve(kTelling);
    tell({"SADD", "web", "10.1.10.10:80"});
    begin({{"interval", std::chrono::milliseconds(200)}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"}));
    tell({"SET", "web", "10.1.10.11"});
    ASSERT_TRUE(
        source_->awaits_failure("10.9.0.1:6379: the key 'web' is of the type 'string'; make it a set"));
    EXPECT_EQ(source_->members(), Members{"10.1.10.10:80"});
    source_->idle(1s);
    EXPECT_EQ(source_->times_failed(), 1u) << "each failure is told once";
    tell({"DEL", "web"});
    tell({"SADD", "web", "10.1.10.11"});
    ASSERT_TRUE(source_->awaits({"10.1.10.11"}));
}

TEST_F(DiscoveryRedis, NeedsNoMoreThanTheRightsThatTheManualNames) {
    serve(kTelling);
    tell({"ACL", "SETUSER", "default", "off", "resetpass", ">secret", "on"});
    // From here on redis-cli needs the password, too.
    const auto as_admin = [&](std::vector<std::string> command) {
        command.insert(command.begin(), {"--no-auth-warning", "-a", "secret"});
        return tell(std::move(command));
    };
    as_admin({"ACL", "SETUSER", "weir", "on", ">word", "resetkeys", "resetchannels", "~web",
              "&__keyspace@0__:web", "-@all", "+ping", "+type", "+smembers", "+zrange", "+hgetall",
              "+subscribe"});
    as_admin({"SADD", "web", "10.1.10.10:80"});

    begin();
    ASSERT_TRUE(source_->awaits_failure("10.9.0.1:6379 refuses weir (see user and password_file): NOAUTH"));
    begin({{"user", std::string("weir")}, {"password_file", model::FileText("wrong")}});
    ASSERT_TRUE(source_->awaits_failure("refuses weir (see user and password_file): WRONGPASS"));
    begin({{"password_file", model::FileText("secret")}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"})) << source_->error();
    begin({{"user", std::string("weir")}, {"password_file", model::FileText("word")}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"})) << source_->error();
    as_admin({"SADD", "web", "10.1.10.11:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11:80"})) << source_->error();

    begin({{"user", std::string("weir")},
           {"password_file", model::FileText("word")},
           {"key", std::string("secrets")}});
    ASSERT_TRUE(source_->awaits_failure("does not say what the key 'secrets' holds: NOPERM"));
}

TEST_F(DiscoveryRedis, SpeaksTlsWithWhomItTrusts) {
    const auto authority = make_certificate({}), other = make_certificate({});
    const auto server = make_certificate({.names = "IP:10.9.0.1", .issuer = &authority});
    const auto client = make_certificate({.names = "DNS:weir", .issuer = &authority});
    const lab::TempDir files;
    auto settings = kTelling;
    for (const auto& [name, value] : {std::pair{"--port", std::string("0")},
                                      {"--tls-port", "6379"},
                                      {"--tls-cert-file", files.write("cert", server.certificate)},
                                      {"--tls-key-file", files.write("key", server.key)},
                                      {"--tls-ca-cert-file", files.write("ca", authority.certificate)}})
        settings.insert(settings.end(), {name, value});
    serve(settings);
    tell({"SADD", "web", "10.1.10.10:80"});

    const model::FileText trusted(authority.certificate), stranger(other.certificate);
    const model::FileText certificate(client.certificate), key(client.key);
    begin({{"tls", model::Tls{.authorities = stranger}}});
    ASSERT_TRUE(source_->awaits_failure("cannot speak TLS to 10.9.0.1:6379: certificate not accepted"));
    begin({{"tls", model::Tls{.sni = "redis.example.org", .authorities = trusted}}});
    ASSERT_TRUE(source_->awaits_failure("hostname mismatch"));
    begin({{"tls", model::Tls{.authorities = trusted}}});
    ASSERT_TRUE(source_->awaits_failure("10.9.0.1:6379")) << "the server wants a certificate";
    begin();
    ASSERT_TRUE(source_->awaits_failure("10.9.0.1:6379")) << "the server speaks TLS only";
    begin({{"tls", model::Tls{.authorities = trusted, .certificate = certificate, .key = key}}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"})) << source_->error();
    tell({"SADD", "web", "10.1.10.11:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11:80"}));
}

TEST_F(DiscoveryRedis, ReadsAnotherDatabaseOverASocket) {
    serve(kTelling);
    tell({"-n", "3", "SADD", "web", "10.1.10.10:80"});
    begin({{"address", redis_->socket_path()}, {"db", int64_t{3}}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"})) << source_->error();
    tell({"-n", "3", "SADD", "web", "10.1.10.11:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11:80"}));
    begin({{"db", int64_t{99}}});
    ASSERT_TRUE(source_->awaits_failure("10.9.0.1:6379 refuses weir: ERR DB index is out of range"));
}

TEST_F(DiscoveryRedis, KeepsItsSetWhileTheServerIsGone) {
    begin();
    ASSERT_TRUE(source_->awaits_failure("cannot connect to 10.9.0.1:6379: Connection refused"));
    serve(kTelling);
    tell({"SADD", "web", "10.1.10.10:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"}));

    redis_->kill();
    begin({{"interval", std::chrono::milliseconds(200)}});
    ASSERT_TRUE(source_->awaits_failure("Connection refused"));
    redis_->start();
    tell({"SADD", "web", "10.1.10.11:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.11:80"}));
    redis_->kill();
    ASSERT_TRUE(source_->awaits_failure("10.9.0.1:6379"));
    EXPECT_EQ(source_->members(), Members{"10.1.10.11:80"});
    redis_->start();
    tell({"SADD", "web", "10.1.10.12:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.12:80"}));
    tell({"SADD", "web", "10.1.10.13:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.12:80", "10.1.10.13:80"})) << "the events come again";
}

TEST_F(DiscoveryRedis, FailsWhileTheServerIsStoppedAndGoesOnAfterwards) {
    serve(kTelling);
    tell({"SADD", "web", "10.1.10.10:80"});
    begin({{"interval", std::chrono::milliseconds(200)}});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80"}));
    redis_->stop();
    ASSERT_TRUE(source_->awaits_failure("10.9.0.1:6379 does not answer"));
    EXPECT_EQ(source_->members(), Members{"10.1.10.10:80"});
    redis_->go_on();
    tell({"SADD", "web", "10.1.10.11:80"});
    ASSERT_TRUE(source_->awaits({"10.1.10.10:80", "10.1.10.11:80"}));

    redis_->stop();
    source_->idle(500ms);
    EXPECT_LT(source_->end(), 100ms) << "nobody waits for a stopped server";
    source_->idle(500ms);
    redis_->go_on();
    source_->idle(500ms);
}

}  // namespace
}  // namespace weir::e2e
