// Consul is not in Debian, so the server here is a likeness: it follows the rules that Consul's documentation
// has for blocking queries (an index in the answer; a query with an index waits until there is a newer one,
// or for the time that it names), and the client is held against the rules for clients.
#include "discovery/kinds.h"
#include "discovery/web_fixture.h"

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

class ConsulTest : public WebTest {
  protected:
    void serve_consul() {
        serve([this](const Asked& asked, Talk& talk) -> asio::awaitable<void> {
            auto wanted = asked.target.find("&index=");
            if (wanted != std::string::npos && blocks_) {
                auto index = std::stoull(asked.target.substr(wanted + 7));
                EXPECT_THAT(asked.target, HasSubstr("&wait=30s"));
                auto latest = clock_.now() + 30s;
                waiting_++;
                while (index == index_ && clock_.now() < latest) {
                    Sleep sleep(context_.get_executor());
                    sleepers_.insert(&sleep);
                    co_await sleep.until(clock_, latest);
                    sleepers_.erase(&sleep);
                }
                waiting_--;
            }
            if (status_ != "200 OK")
                co_await talk.answer("Permission denied", "", status_);
            else
                co_await talk.answer(instances_, fmt::format("X-Consul-Index: {}\r\n", index_));
        });
    }
    void change(uint64_t index, std::initializer_list<const char*> addresses) {
        index_ = index;
        instances_ = "[";
        for (const auto* address : addresses)
            instances_ += fmt::format(R"({}{{"Service": {{"ID": "i", "Address": "{}", "Port": 80}}}})",
                                      instances_.size() > 1 ? "," : "", address);
        instances_ += "]";
        wake();
    }
    void wake() {
        for (auto* sleep : sleepers_) sleep->wake();
    }
    void search_consul() {
        search(consul_kind(), {{"address", url()},
                               {"service", "web"},
                               {"tags", std::vector<std::string>{"blue"}},
                               {"token_file", model::FileText("secret")}});
    }
    bool await_waiting() {
        return run_until([this] { return waiting_ == 1; });
    }

    uint64_t index_ = 0;
    std::string instances_ = "[]";
    std::string status_ = "200 OK";
    bool blocks_ = true;
    int waiting_ = 0;
    std::set<Sleep*> sleepers_;
};

TEST_F(ConsulTest, IsToldOfEachChange) {
    serve_consul();
    change(10, {"10.0.0.1", "10.0.0.2"});
    search_consul();
    ASSERT_TRUE(await_waiting());
    EXPECT_EQ(asked_[0].target, "/v1/health/service/web?passing=true&tag=blue");
    EXPECT_EQ(asked_[0].headers["x-consul-token"], "secret");
    EXPECT_THAT(asked_[1].target, HasSubstr("&index=10"));
    change(12, {"10.0.0.2"});
    ASSERT_TRUE(hears_set(2));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.2"));
    ASSERT_TRUE(await_waiting());
    change(13, {});
    ASSERT_TRUE(hears_set(3));
    EXPECT_THAT(heard_.addresses(), IsEmpty());
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(ConsulTest, WaitsOnWhereNothingHasChanged) {
    serve_consul();
    change(10, {"10.0.0.1"});
    search_consul();
    for (size_t queries = 2; queries < 6; queries++) {
        ASSERT_TRUE(await_asked(queries));
        ASSERT_TRUE(await_waiting());
        EXPECT_THAT(asked_.back().target, HasSubstr("&index=10"));
        clock_.move(31s);
    }
    EXPECT_THAT(heard_.sets, SizeIs(1));
    EXPECT_THAT(heard_.failures, IsEmpty());
}

TEST_F(ConsulTest, AsksFromTheBeginningWhenTheIndexGoesBack) {
    serve_consul();
    change(10, {"10.0.0.1"});
    search_consul();
    ASSERT_TRUE(await_waiting());
    change(3, {"10.0.0.3"});
    ASSERT_TRUE(await_asked(3));
    EXPECT_THAT(asked_[2].target, testing::Not(HasSubstr("index")));
    ASSERT_TRUE(await_waiting());
    EXPECT_THAT(asked_[3].target, HasSubstr("&index=3"));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.3"));
}

TEST_F(ConsulTest, DoesNotFloodAServerThatDoesNotWait) {
    blocks_ = false;
    serve_consul();
    change(0, {"10.0.0.1"});  // the index that is none
    search_consul();
    ASSERT_TRUE(await_asked(3));
    auto before = asked_.size();
    for (int i = 0; i < 200; i++) {
        clock_.move(100ms);
        clock_.settle();
    }
    EXPECT_LT(asked_.size() - before, 30u);
    EXPECT_GT(asked_.size() - before, 10u);
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.1"));
}

TEST_F(ConsulTest, SaysThatItMayNotAskAndKnowsAgainLater) {
    serve_consul();
    change(10, {"10.0.0.1"});
    search_consul();
    ASSERT_TRUE(await_waiting());
    status_ = "403 Forbidden";
    wake();
    change(11, {});
    ASSERT_TRUE(hears_failure(1));
    EXPECT_EQ(heard_.failures[0], "consul: " + url() +
                                      ": HTTP 403: Permission denied; check 'token_file' and what its token "
                                      "may read");
    EXPECT_THAT(heard_.sets, SizeIs(1));
    status_ = "200 OK";
    change(10, {"10.0.0.1"});
    clock_.move(2s);
    ASSERT_TRUE(hears_set(2));
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.1"));
}

TEST_F(ConsulTest, GivesUpOnAServerThatFallsSilent) {
    serve([](const Asked& asked, Talk& talk) -> asio::awaitable<void> {
        if (!asked.target.contains("index")) {
            co_await talk.answer("[]", "X-Consul-Index: 5\r\n");
            co_return;
        }
        co_await talk.await_end();
    });
    search_consul();
    ASSERT_TRUE(await_asked(2));
    clock_.move(40s);
    EXPECT_THAT(heard_.failures, IsEmpty()) << "it may take the time that it was given, and a little more";
    clock_.move(3s);
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("does not answer in time"));
}

TEST(ConsulSettings, MustFitTogether) {
    auto check = [](std::map<std::string, model::SourceSpec::Value, std::less<>> settings) {
        auto done = consul_kind().known.check({"consul", std::move(settings)});
        return done ? "" : done.error().message;
    };
    EXPECT_EQ(check({{"address", "http://h:8500"}, {"service", "web"}}), "");
    EXPECT_THAT(check({{"address", "h:8500"}, {"service", "web"}}), HasSubstr("is not a URL"));
    EXPECT_THAT(check({{"address", "http://h?a"}, {"service", "web"}}), HasSubstr("has a query"));
    EXPECT_THAT(check({{"address", "http://h"}, {"service", ""}}), HasSubstr("'service' is empty"));
    EXPECT_THAT(check({{"address", "http://h"}, {"service", "w"}, {"token_file", model::FileText("a\nb")}}),
                HasSubstr("one line"));
}

}  // namespace
}  // namespace weir::discovery
