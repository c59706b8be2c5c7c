// The source `http` against nginx.
#include <gmock/gmock.h>

#include "discovery/kinds.h"
#include "lab/lab.h"
#include "tests/e2e/seeker.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

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
    Seeker& seek() {
        return seeker_.emplace(
            lab_->host("balancer"), discovery::http_kind(),
            Seeker::Settings{{"url", "http://10.1.10.1/list"}, {"interval", std::chrono::milliseconds(100)}});
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
    std::optional<Seeker> seeker_;
};

TEST_F(HttpDiscovery, FollowsADocument) {
    publish(R"(["10.1.10.11"])", 100);
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11"})) << seeker.last_failure();
    ASSERT_TRUE(seeker.until([&] { return logged("GET /list HTTP/1.1\" 304 ") >= 3; }))
        << nginx_->access_log();
    EXPECT_EQ(logged("GET /list HTTP/1.1\" 200 "), 1u);
    publish(R"([{"address": "10.1.10.12:80"}, "x"])", 50);
    ASSERT_TRUE(seeker.finds({"10.1.10.12"}));
    EXPECT_THAT(seeker.heard().sets.back().refused, SizeIs(1));
    EXPECT_THAT(seeker.heard().failures, IsEmpty());
}

TEST_F(HttpDiscovery, KeepsWhatItKnowsWhileTheServerIsGoneOrTalksNonsense) {
    publish(R"(["10.1.10.11"])", 100);
    auto& seeker = seek();
    ASSERT_TRUE(seeker.finds({"10.1.10.11"})) << seeker.last_failure();
    nginx_->kill();
    ASSERT_TRUE(seeker.fails(1));
    EXPECT_THAT(seeker.last_failure(), HasSubstr("connection refused"));
    publish("<html>", 60);
    nginx_->start();
    auto fails = [&](size_t times) {
        return seeker.later([&] { return seeker.heard().failures.size() >= times; });
    };
    ASSERT_TRUE(fails(2));
    EXPECT_THAT(seeker.last_failure(), HasSubstr("is not JSON"));
    std::filesystem::remove(files_ / "list");
    ASSERT_TRUE(fails(3));
    EXPECT_THAT(seeker.last_failure(), HasSubstr("HTTP 404"));
    EXPECT_THAT(seeker.heard().sets, SizeIs(1));
    publish(R"(["10.1.10.11", "10.1.10.12"])", 20);
    ASSERT_TRUE(seeker.later([&] { return seeker.has({"10.1.10.11", "10.1.10.12"}); }))
        << seeker.last_failure();
}

}  // namespace
}  // namespace weir::e2e
