// Against a server that a test scripts; tests/e2e/discovery_etcd_test.cc has the real one.
#include <boost/json.hpp>

#include "discovery/etcd_messages.h"
#include "discovery/kinds.h"
#include "discovery/web_fixture.h"

namespace weir::discovery {
namespace {

namespace json = boost::json;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string range(int64_t revision, const Pairs& pairs, bool more = false) {
    json::array kvs;
    for (const auto& [key, value] : pairs)
        kvs.push_back(json::object{{"key", etcd::to_base64(key)}, {"value", etcd::to_base64(value)}});
    return json::serialize(json::object{
        {"header", json::object{{"revision", std::to_string(revision)}}}, {"kvs", kvs}, {"more", more}});
}

std::string change(const char* key, const char* value, int64_t revision) {
    json::object kv{{"key", etcd::to_base64(key)}, {"mod_revision", std::to_string(revision)}};
    json::object event{{"kv", kv}};
    if (value)
        event["kv"].as_object()["value"] = etcd::to_base64(value);
    else
        event["type"] = "DELETE";
    return json::serialize(
        json::object{{"result", json::object{{"header", json::object{{"revision", std::to_string(revision)}}},
                                             {"events", json::array{event}}}}});
}

constexpr const char* kCreated = R"({"result":{"header":{"revision":"1"},"created":true}})";

class EtcdTest : public WebTest {
  protected:
    /// A cluster's member: what it answers to a range, and what a watch brings.
    uint16_t serve_etcd(std::vector<std::string> ranges,
                        std::vector<std::vector<std::string>> watches = {{}}) {
        return serve(
            [=, range_count = std::make_shared<size_t>(0), watch_count = std::make_shared<size_t>(0)](
                const Asked& asked, Talk& talk) -> asio::awaitable<void> {
                if (asked.target == "/v3/kv/range") {
                    co_await talk.answer(ranges.at(std::min((*range_count)++, ranges.size() - 1)));
                    co_return;
                }
                EXPECT_EQ(asked.target, "/v3/watch");
                co_await talk.begin_chunks();
                co_await talk.chunk(std::string(kCreated) + "\n");
                auto number = std::min((*watch_count)++, watches.size() - 1);
                for (const auto& message : watches.at(number)) co_await talk.chunk(message + "\n");
                co_await talk.await_end();
            });
    }
    uint16_t serve_leaderless() {
        return serve([](const Asked&, Talk& talk) -> asio::awaitable<void> {
            co_await talk.answer(R"({"error":"etcdserver: no leader","code":14})", "",
                                 "503 Service Unavailable");
        });
    }
    static std::string at(uint16_t port) { return fmt::format("http://127.0.0.1:{}", port); }
    void search_etcd(std::vector<std::string> endpoints = {}) {
        if (endpoints.empty()) endpoints.push_back(url());
        search(etcd_kind(), {{"endpoints", std::move(endpoints)}, {"prefix", "/web/"}});
    }
    json::object body(size_t request) { return json::parse(asked_.at(request).body).as_object(); }
    json::value begun_at(size_t request) { return body(request)["create_request"].at("start_revision"); }
};

TEST_F(EtcdTest, ReadsPagesOfOneRevision) {
    serve_etcd({range(7, {{"/web/a", "10.0.0.1"}, {"/web/b", "10.0.0.2:80"}}, true),
                range(9, {{"/web/c", "x"}, {"/web/10.0.0.3", ""}})});
    search_etcd();
    ASSERT_TRUE(await_asked(3));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.3"));
    EXPECT_THAT(heard_.sets.at(0).refused, ElementsAre(HasSubstr("/web/c: 'x' is no ADDRESS")));
    EXPECT_FALSE(body(0).contains("revision"));
    EXPECT_EQ(body(1)["revision"], 7);
    EXPECT_EQ(body(1)["key"].as_string(), etcd::to_base64(std::string("/web/b\0", 7)));
    EXPECT_EQ(begun_at(2), 8);
}

TEST_F(EtcdTest, GathersChanges) {
    std::vector<std::string> changes;
    for (int i = 0; i < 100; i++)
        changes.push_back(change(fmt::format("/web/{}", i).c_str(), "10.0.0.9", 8 + i));
    changes.push_back(change("/web/a", nullptr, 200));
    serve_etcd({range(7, {{"/web/a", "10.0.0.1"}})}, {changes});
    search_etcd();
    ASSERT_TRUE(hears_set(1));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.1"));
    ASSERT_TRUE(await_asked(2));
    clock_.settle();
    for (int i = 0; i < 50 && heard_.sets.size() < 2; i++) clock_.move(10ms);
    for (int i = 0; i < 50 && heard_.sets.back().members.size() != 100; i++) clock_.move(10ms);
    EXPECT_THAT(heard_.sets.back().members, SizeIs(100));
    EXPECT_LT(heard_.sets.size(), 10u);
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(EtcdTest, BeginsASilentWatchAgainBehindWhatItKnows) {
    serve_etcd({range(7, {})}, {{change("/web/a", "10.0.0.1", 9)}, {}});
    search_etcd();
    ASSERT_TRUE(await_asked(2));
    EXPECT_EQ(begun_at(1), 8);
    clock_.settle();
    clock_.move(100ms);
    ASSERT_TRUE(hears_set(2));
    clock_.move(16s);
    ASSERT_TRUE(await_asked(3));
    EXPECT_EQ(asked_[2].target, "/v3/watch");
    EXPECT_EQ(begun_at(2), 10);
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(EtcdTest, AsksForAllAnewWhenTheHistoryIsCompacted) {
    serve_etcd({range(7, {{"/web/a", "10.0.0.1"}}), range(20, {{"/web/a", "10.0.0.2"}})},
               {{R"({"result":{"header":{"revision":"20"},"canceled":true,"compact_revision":"15"}})"}, {}});
    search_etcd();
    ASSERT_TRUE(await_asked(2));
    clock_.settle();
    for (int i = 0; i < 50 && asked_.size() < 4; i++) clock_.move(10ms);
    ASSERT_TRUE(await_asked(4));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.2"));
    EXPECT_EQ(begun_at(3), 21);
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(EtcdTest, TurnsToTheNextServerThatAnswers) {
    auto broken = serve_leaderless();
    auto works = serve_etcd({range(7, {{"/web/a", "10.0.0.1"}})});
    search_etcd({at(broken), at(works)});
    ASSERT_TRUE(hears_set(1));
    EXPECT_GE(asked_.size(), 2u);  // the watch may have begun
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(EtcdTest, FailsOnlyWhenNoServerAnswers) {
    auto broken = serve_leaderless();
    search_etcd({at(broken), at(broken)});
    ASSERT_TRUE(hears_failure(1));
    EXPECT_EQ(heard_.failures[0], "etcd: " + at(broken) + ": etcdserver: no leader");
    EXPECT_EQ(asked_.size(), 2u);
    clock_.move(1300ms);
    ASSERT_TRUE(await_asked(4));
    EXPECT_THAT(heard_.failures, SizeIs(1)) << "the same is told once";
}

TEST_F(EtcdTest, WaitsLongerFromTryToTry) {
    serve([](const Asked&, Talk& talk) -> asio::awaitable<void> { co_await talk.answer("<html>"); });
    search_etcd();
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("its answer is not etcd's: '<html>'"));
    auto begin = clock_.now();
    while (asked_.size() < 12) {
        clock_.move(500ms);
        clock_.settle();
        ASSERT_LT(clock_.now() - begin, 600s);
    }
    EXPECT_GT(clock_.now() - begin, 120s);
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(EtcdTest, KeepsToItselfWhatItCannotRead) {
    serve_etcd({range(7, {{"/web/a", "10.0.0.1"}})}, {{"{\"result\":{\"events\":[{}]}}"}});
    search_etcd();
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.sets, SizeIs(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("an event without a key"));
}

TEST_F(EtcdTest, DoesNotTakeGarbageForNothing) {
    serve_etcd({range(7, {{"/web/a", "x"}, {"/web/", ""}})});
    search_etcd();
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("etcd: /web/a: 'x' is no ADDRESS"));
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(EtcdTest, TellsNobodyOnceItIsGone) {
    serve_etcd({range(7, {{"/web/a", "10.0.0.1"}})}, {{change("/web/b", "10.0.0.2", 8)}});
    search_etcd();
    ASSERT_TRUE(await_asked(2));
    source_.reset();
    clock_.settle();
    clock_.move(60s);
    EXPECT_THAT(heard_.sets, SizeIs(1));
    EXPECT_THAT(heard_.failures, IsEmpty());
    EXPECT_EQ(clock_.alarms(), 0u);
}

TEST(EtcdSettings, MustFitTogether) {
    auto check = [](std::map<std::string, model::SourceSpec::Value, std::less<>> settings) {
        auto done = etcd_kind().known.check({"etcd", std::move(settings)});
        return done ? "" : done.error().message;
    };
    using List = std::vector<std::string>;
    const List one{"http://h:2379"};
    EXPECT_EQ(check({{"endpoints", one}, {"prefix", "/a/"}}), "");
    EXPECT_THAT(check({{"endpoints", List{}}, {"prefix", "/a/"}}), HasSubstr("'endpoints' is empty"));
    EXPECT_THAT(check({{"endpoints", List{"h:2379"}}, {"prefix", "/a/"}}), HasSubstr("is not a URL"));
    EXPECT_THAT(check({{"endpoints", List{"http://h/v3"}}, {"prefix", "/a/"}}), HasSubstr("has a path"));
    EXPECT_THAT(check({{"endpoints", one}, {"prefix", ""}}), HasSubstr("'prefix' is empty"));
    EXPECT_THAT(check({{"endpoints", one}, {"prefix", "/a/"}, {"user", "u"}}), HasSubstr("go together"));
    EXPECT_THAT(check({{"endpoints", one}, {"prefix", "/a/"}, {"tls", model::Tls()}}),
                HasSubstr("without an https endpoint"));
}

}  // namespace
}  // namespace weir::discovery
