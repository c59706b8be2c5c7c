// The source `http` against nginx.
#include <gmock/gmock.h>

#include "discovery/kinds.h"
#include "lab/lab.h"
#include "tests/e2e/lone_source.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::SizeIs;

class HttpDiscovery : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        if (auto why = lab::Nginx::why_not(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("http");
        lab_->connect(lab_->host("balancer"), "eth0", lab_->host("web"), "eth0");
        lab_->host("balancer").add_address("eth0", "10.1.10.100/24");
        lab_->host("web").add_address("eth0", "10.1.10.1/24");
        lab_->host("balancer").await_carrier("eth0");
        nginx_.emplace(lab_->host("web"), "web",
                       lab::NginxOptions{.more = fmt::format("location /list {{ alias {}; }}",
                                                             (files_ / "list").string())});
    }
    /// As a new file in the former's place; of a time that is distinct to the second.
    void publish(const std::string& text, int seconds_ago) {
        files_.write("next", text);
        std::filesystem::last_write_time(files_ / "next", std::filesystem::file_time_type::clock::now() -
                                                              std::chrono::seconds(seconds_ago));
        std::filesystem::rename(files_ / "next", files_ / "list");
    }
    void begin() {
        source_.emplace(
            lab_->host("balancer"), discovery::http_kind(),
            LoneSource::Spec{{"url", "http://10.1.10.1/list"}, {"interval", std::chrono::milliseconds(100)}});
    }
    size_t logged(const std::string& what) {
        auto log = nginx_->access_log();
        size_t times = 0;
        for (auto at = log.find(what); at != log.npos; at = log.find(what, at + 1)) ++times;
        return times;
    }

    lab::TempDir files_;
    std::optional<lab::Lab> lab_;
    std::optional<lab::Nginx> nginx_;
    std::optional<LoneSource> source_;
};

TEST_F(HttpDiscovery, FollowsADocument) {
    publish(R"(["10.1.10.11"])", 100);
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.11"})) << source_->error();
    ASSERT_TRUE(source_->await([&] { return logged("GET /list HTTP/1.1\" 304 ") >= 3; }))
        << nginx_->access_log();
    EXPECT_EQ(logged("GET /list HTTP/1.1\" 200 "), 1u);
    publish(R"([{"address": "10.1.10.12:80"}, "x"])", 50);
    ASSERT_TRUE(source_->awaits({"10.1.10.12:80"}));
    EXPECT_THAT(source_->last().refused, SizeIs(1));
    EXPECT_EQ(source_->times_failed(), 0u);
}

TEST_F(HttpDiscovery, KeepsWhatItKnowsWhileTheServerIsGoneOrTalksNonsense) {
    publish(R"(["10.1.10.11"])", 100);
    begin();
    ASSERT_TRUE(source_->awaits({"10.1.10.11"})) << source_->error();
    nginx_->kill();
    ASSERT_TRUE(source_->awaits_failure("connection refused"));
    publish("<html>", 60);
    nginx_->start();
    auto fails = [&](const char* why) {
        return source_->await_later([&, why] { return source_->error().contains(why); });
    };
    ASSERT_TRUE(fails("is not JSON")) << source_->error();
    std::filesystem::remove(files_ / "list");
    ASSERT_TRUE(fails("HTTP 404")) << source_->error();
    EXPECT_EQ(source_->times_found(), 1u);
    publish(R"(["10.1.10.11", "10.1.10.12"])", 20);
    ASSERT_TRUE(source_->await_later([&] { return source_->has({"10.1.10.11", "10.1.10.12"}); }))
        << source_->error();
}

}  // namespace
}  // namespace weir::e2e
