// Pushers and pullers with each other, over real sockets.
#include "proto/sp.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <map>

#include "base/temp_dir_fixture.h"
#include "proto/sp_fake.h"

namespace weir::proto::sp {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Queue : public testing::Test {
  protected:
    /// Tokens A1, A2, … until there are so many.
    struct Source {
        std::string name;
        int given = 0;
        int most = 0;

        std::optional<std::string> next() {
            if (given == most) return std::nullopt;
            return name + std::to_string(++given);
        }
    };

    std::unique_ptr<Pusher> push(Source& source, const std::string& url, bool dials = false) {
        auto pusher =
            make_pusher(around_, {.url = Url::parse(url).value(),
                                  .dials = dials,
                                  .next = [&source] { return source.next(); },
                                  .trouble = [this](const Error& why) { told_.push_back(why.message); }});
        EXPECT_TRUE(pusher) << pusher.error().message;
        return pusher ? std::move(*pusher) : nullptr;
    }
    std::unique_ptr<Puller> pull(const std::string& url, size_t hold = 4) {
        return make_puller(around_, {.url = Url::parse(url).value(),
                                     .hold = hold,
                                     .changed = {},
                                     .trouble = [this](const Error& why) { told_.push_back(why.message); }});
    }
    /// False if it does not come true.
    template <class Condition>
    [[nodiscard]] bool until(Condition condition) {
        for (auto end = std::chrono::steady_clock::now() + 20s; !condition();) {
            if (std::chrono::steady_clock::now() > end) return false;
            context_.restart();
            context_.run_one_for(10ms);
        }
        return true;
    }
    /// The next token of one of them.
    std::string take(Puller& puller) {
        std::optional<std::string> token;
        EXPECT_TRUE(until([&] { return (token = puller.take()).has_value(); }));
        return token.value_or("none");
    }
    /// Nothing moves any more.
    template <class Count>
    void settle(Count count) {
        auto last = count();
        for (int calm = 0; calm < 20; last = count()) {
            context_.restart();
            context_.run_one_for(10ms);
            calm = count() == last ? calm + 1 : 0;
        }
    }
    std::string unix_url() const { return "ipc://" + directory_.path() + "/queue"; }

    TempDir directory_;
    boost::asio::io_context context_;
    SystemClock clock_{context_.get_executor()};
    Surroundings around_{context_.get_executor(), clock_};
    std::vector<std::string> told_;
};

/// Of this host, where nobody listens.
std::string free_url() {
    boost::asio::io_context context;
    using boost::asio::ip::tcp;
    tcp::acceptor listening(context, {boost::asio::ip::address_v4::loopback(), 0});
    return "tcp://127.0.0.1:" + std::to_string(listening.local_endpoint().port());
}

TEST_F(Queue, CarriesTokensInOrder) {
    for (const auto& url : {free_url(), unix_url()}) {
        Source source{"A", 0, 100};
        auto pusher = push(source, url);
        auto puller = pull(url);
        for (int i = 1; i <= 100; ++i) ASSERT_EQ(take(*puller), "A" + std::to_string(i)) << url;
        EXPECT_EQ(puller->take(), std::nullopt);
        EXPECT_EQ(pusher->consumers(), 1u);
        EXPECT_TRUE(puller->is_connected());
    }
    EXPECT_THAT(told_, testing::IsEmpty());
}

TEST_F(Queue, GivesEachTokenToOne) {
    auto url = free_url();
    Source source{"A", 0, 2000};
    auto pusher = push(source, url);
    std::vector<std::unique_ptr<Puller>> pullers;
    for (int i = 0; i < 10; ++i) pullers.push_back(pull(url));
    std::map<std::string, int> seen;
    std::vector<int> shares(10);
    size_t all = 0;
    ASSERT_TRUE(until([&] {
        for (size_t i = 0; i < pullers.size(); ++i)
            while (auto token = pullers[i]->take()) {
                ++seen[*token];
                ++shares[i];
                ++all;
            }
        return all >= 2000;
    }));
    EXPECT_EQ(seen.size(), 2000u);
    EXPECT_EQ(all, 2000u);
    EXPECT_THAT(shares, testing::Each(testing::Gt(0)));
}

TEST_F(Queue, RunsLittleAheadOfWhoeverDoesNotTake) {
    for (const auto& url : {free_url(), unix_url()}) {
        Source source{"192.0.2.10:", 0, 1'000'000};
        auto pusher = push(source, url);
        auto puller = pull(url, 4);
        ASSERT_TRUE(until([&] { return source.given > 4; }));
        settle([&] { return source.given; });
        EXPECT_LE(source.given, static_cast<int>(kMostAhead) + 4) << url;
        for (int i = 1; i <= 1000; ++i) ASSERT_EQ(take(*puller), "192.0.2.10:" + std::to_string(i)) << url;
        EXPECT_LE(source.given, 1000 + static_cast<int>(kMostAhead) + 4) << url;
    }
}

TEST_F(Queue, ChoosesNothingWithoutConsumers) {
    Source source{"A", 0, 10};
    auto pusher = push(source, free_url());
    settle([&] { return source.given; });
    EXPECT_EQ(source.given, 0);
    EXPECT_EQ(pusher->consumers(), 0u);
}

TEST_F(Queue, WaitsForTokens) {
    auto url = free_url();
    Source source{"A", 0, 0};
    auto pusher = push(source, url);
    auto one = pull(url), other = pull(url);
    ASSERT_TRUE(until([&] { return pusher->consumers() == 2; }));
    settle([&] { return one->take().has_value(); });
    source.most = 1;
    pusher->wake();
    std::optional<std::string> token;
    ASSERT_TRUE(until([&] { return (token = one->take()) || (token = other->take()); }));
    EXPECT_EQ(token, "A1");
}

TEST_F(Queue, IsFoundAgainWhenTheGeneratorIsBack) {
    for (const auto& url : {free_url(), unix_url()}) {
        told_.clear();
        auto puller = pull(url);
        ASSERT_TRUE(until([&] { return !told_.empty(); }));
        EXPECT_THAT(told_[0], HasSubstr(url));
        for (const char* name : {"A", "B"}) {
            Source source{name, 0, 1};
            auto pusher = push(source, url);
            EXPECT_EQ(take(*puller), std::string(name) + "1");
            pusher.reset();
            ASSERT_TRUE(until([&] { return !puller->is_connected(); }));
        }
    }
}

TEST_F(Queue, DropsWhatIsStale) {
    auto url = free_url();
    Source source{"old", 0, 1'000'000};
    auto pusher = push(source, url);
    auto puller = pull(url);
    ASSERT_TRUE(until([&] { return source.given > 4; }));
    settle([&] { return source.given; });
    source.name = "new";
    puller->drop_all();
    EXPECT_EQ(puller->take(), std::nullopt);
    for (int i = 0; i < 300; ++i) ASSERT_THAT(take(*puller), HasSubstr("new"));
}

TEST_F(Queue, MayBeDialledByTheGenerator) {
    boost::asio::ip::tcp::acceptor listening(context_, {boost::asio::ip::address_v4::loopback(), 0});
    auto url = "tcp://127.0.0.1:" + std::to_string(listening.local_endpoint().port());
    Source source{"A", 0, 1};
    auto pusher = push(source, url, true);
    auto consumer = std::make_unique<boost::asio::ip::tcp::socket>(context_);
    std::string got;
    std::array<char, 100> buffer{};
    listening.async_accept(*consumer, [&](auto) {
        boost::asio::write(*consumer, boost::asio::buffer(greeting_of(Role::pull)));
        consumer->non_blocking(true);
    });
    ASSERT_TRUE(until([&] {
        boost::system::error_code code;
        got.append(buffer.data(),
                   consumer->is_open() ? consumer->read_some(boost::asio::buffer(buffer), code) : 0);
        return got.size() >= 18;
    }));
    EXPECT_EQ(got.substr(8), frame_of(Transport::tcp, "A1"));
    consumer.reset();
    EXPECT_TRUE(until([&] { return pusher->consumers() == 0; }));
}

TEST_F(Queue, SaysWhyNobodyIsThere) {
    boost::asio::ip::tcp::acceptor web(context_, {boost::asio::ip::address_v4::loopback(), 0});
    boost::asio::ip::tcp::socket peer(context_);
    web.async_accept(peer,
                     [&](auto) { boost::asio::write(peer, boost::asio::buffer("HTTP/1.1 400 Bad", 16)); });
    auto puller = pull("tcp://127.0.0.1:" + std::to_string(web.local_endpoint().port()));
    ASSERT_TRUE(until([&] { return !told_.empty(); }));
    EXPECT_THAT(told_[0], HasSubstr("does not speak the Scalability Protocols"));
    EXPECT_FALSE(puller->is_connected());
}

TEST_F(Queue, IsNotSharedByTwoGenerators) {
    for (const auto& url : {free_url(), unix_url()}) {
        Source source{"A", 0, 1};
        auto first = push(source, url);
        auto second = make_pusher(around_, {.url = Url::parse(url).value(), .next = {}, .trouble = {}});
        ASSERT_FALSE(second);
        EXPECT_THAT(second.error().message, HasSubstr("cannot listen at " + url));
    }
}

TEST_F(Queue, TakesTheSocketFileOfADeadGenerator) {
    const auto file = directory_.path() + "/queue";
    {
        boost::asio::local::stream_protocol::acceptor dead(context_, file);
    }
    Source source{"A", 0, 1};
    {
        auto pusher = push(source, unix_url());
        auto puller = pull(unix_url());
        EXPECT_EQ(take(*puller), "A1");
    }
    EXPECT_FALSE(std::filesystem::exists(file)) << "it goes with its generator";
}

TEST_F(Queue, GoesAtAnyTime) {
    for (int turns = 0; turns < 40; ++turns) {
        auto url = free_url();
        Source source{"A", 0, 1'000'000};
        auto pusher = push(source, url);
        auto puller = pull(url, 1);
        for (int i = 0; i < turns; ++i) context_.poll_one();
        context_.restart();
        (turns % 2 ? pusher.reset() : puller.reset());
        context_.poll_one();
    }
    settle([] { return 0; });
}

TEST(FakeQueue, HoldsAsMuchAsItMay) {
    FakePuller puller({.url = {}, .hold = 2, .changed = {}, .trouble = {}});
    for (const char* token : {"a", "b", "c"}) puller.push(token);
    EXPECT_EQ(puller.held(), 2u);
    EXPECT_EQ(puller.take(), "a");
    EXPECT_EQ(puller.held(), 2u);
    puller.drop_all();
    EXPECT_EQ(puller.take(), std::nullopt);
}

}  // namespace
}  // namespace weir::proto::sp
