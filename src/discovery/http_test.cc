#include "discovery/kinds.h"
#include "discovery/web_fixture.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;
using List = std::vector<std::string>;

class HttpTest : public WebTest {
  protected:
    void serve_document() {
        serve([this](const Asked& asked, Talk& talk) -> asio::awaitable<void> {
            // Not within the call: this compiler destroys what a conditional there makes twice.
            auto known = asked.headers.find("if-none-match");
            auto tag = tag_.empty() ? std::string() : fmt::format("ETag: {}\r\n", tag_);
            auto headers = headers_ + tag;
            if (known != asked.headers.end() && known->second == tag_ && status_ == "200 OK") {
                co_await talk.answer("", tag, "304 Not Modified");
                co_return;
            }
            co_await talk.answer(document_, headers, status_);
        });
    }
    void search_http(std::map<std::string, model::SourceSpec::Value, std::less<>> settings = {}) {
        settings.emplace("url", url() + "/list?type=a");
        search(http_kind(), std::move(settings));
    }

    std::string document_ = R"(["10.0.0.1"])", tag_, headers_, status_ = "200 OK";
};

TEST_F(HttpTest, AsksAgainAndAgain) {
    serve_document();
    search_http({{"interval", std::chrono::milliseconds(500)},
                 {"headers", List{"Accept-Language: en", "X-Empty:"}},
                 {"token_file", model::FileText("secret")}});
    ASSERT_TRUE(hears_set(1));
    EXPECT_EQ(asked_[0].target, "/list?type=a");
    EXPECT_EQ(asked_[0].headers["accept-language"], "en");
    EXPECT_EQ(asked_[0].headers["authorization"], "Bearer secret");
    document_ = "[]";
    clock_.move(400ms);
    EXPECT_THAT(asked_, SizeIs(1));
    clock_.move(100ms);
    ASSERT_TRUE(hears_set(2));
    EXPECT_THAT(heard_.addresses(), IsEmpty());
    EXPECT_EQ(connections_, 1);
}

TEST_F(HttpTest, AsksForWhatIsNewer) {
    tag_ = "\"a\"";
    serve_document();
    search_http();
    ASSERT_TRUE(hears_set(1));
    clock_.move(5s);
    ASSERT_TRUE(await_asked(2));
    EXPECT_EQ(asked_[1].headers["if-none-match"], "\"a\"");
    clock_.settle();
    document_ = R"(["10.0.0.2"])";
    tag_ = "\"b\"";
    clock_.move(5s);
    ASSERT_TRUE(hears_set(2));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.2"));
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(HttpTest, KnowsAgainAfterAFailureThoughNothingHasChanged) {
    tag_ = "\"a\"";
    serve_document();
    search_http();
    ASSERT_TRUE(hears_set(1));
    status_ = "502 Bad Gateway";
    clock_.move(5s);
    ASSERT_TRUE(hears_failure(1));
    EXPECT_EQ(heard_.failures[0], url() + ": HTTP 502: [\"10.0.0.1\"]; check 'url'");
    status_ = "200 OK";
    clock_.move(2s);
    ASSERT_TRUE(hears_set(2));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.1"));
}

TEST_F(HttpTest, TrustsNoDateOfTheSameSecond) {
    constexpr const char* kDate = "Sun, 22 Nov 2026 16:00:00 GMT";
    headers_ = fmt::format("Date: {}\r\nLast-Modified: {}\r\n", kDate, kDate);
    serve_document();
    search_http();
    ASSERT_TRUE(hears_set(1));
    headers_ = fmt::format("Date: Sun, 22 Nov 2026 16:00:05 GMT\r\nLast-Modified: {}\r\n", kDate);
    clock_.move(5s);
    ASSERT_TRUE(hears_set(2));
    clock_.move(5s);
    ASSERT_TRUE(hears_set(3));
    EXPECT_FALSE(asked_[1].headers.contains("if-modified-since"));
    EXPECT_EQ(asked_[2].headers["if-modified-since"], kDate);
}

TEST_F(HttpTest, SaysWhatIsNoList) {
    document_ = "<html>";
    serve_document();
    search_http({{"lists", List{"/items"}}});
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("'<html>' is not JSON"));
    document_ = "{}";
    clock_.move(2s);
    ASSERT_TRUE(hears_failure(2));
    EXPECT_THAT(heard_.failures[1], HasSubstr("there is no list at /items"));
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST(HttpSettings, MustFitTogether) {
    auto check = [](std::map<std::string, model::SourceSpec::Value, std::less<>> settings) {
        auto done = http_kind().known.check({"http", std::move(settings)});
        return done ? "" : done.error().message;
    };
    EXPECT_EQ(check({{"url", "http://h/"}, {"lists", List{"/a", ""}}, {"address", "/b"}}), "");
    EXPECT_THAT(check({{"url", "h"}}), HasSubstr("is not a URL"));
    EXPECT_THAT(check({{"url", "http://h/"}, {"tls", model::Tls()}}), HasSubstr("without an https URL"));
    EXPECT_THAT(check({{"url", "http://h/"}, {"lists", List{"a"}}}), HasSubstr("'a' is no JSON pointer"));
    EXPECT_THAT(check({{"url", "http://h/"}, {"port", "a"}}), HasSubstr("port: 'a' is no JSON pointer"));
    EXPECT_THAT(check({{"url", "http://h/"}, {"headers", List{"a b: c"}}}), HasSubstr("is no header"));
    EXPECT_THAT(check({{"url", "http://h/"}, {"headers", List{"a: \x01"}}}), HasSubstr("is no header"));
    EXPECT_THAT(check({{"url", "http://h/"}, {"token_file", model::FileText("a\r\nb")}}),
                HasSubstr("one line"));
}

}  // namespace
}  // namespace weir::discovery
