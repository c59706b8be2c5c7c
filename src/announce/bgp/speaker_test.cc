// Two speakers that talk to each other over the loopback interface, and one that talks to whoever the test
// makes of a socket.
#include "announce/bgp/speaker.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "announce/bgp/golden.h"
#include "announce/bgp/socket.h"

namespace weir::announce::bgp {
namespace {

using boost::asio::ip::tcp;

using namespace std::chrono_literals;
using model::BgpPeer, model::EventKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kSoon = 30s;

net::Port free_port(std::string_view address) {
    auto listener = open_listener({ip(address), net::Port(0)});
    EXPECT_TRUE(listener) << listener.error().message;
    return local_of(listener->get()).port;
}

model::Frontend frontend(std::string_view vip) {
    model::Frontend out;
    out.key.vip = ip(vip);
    out.key.port = net::Port(80);
    out.service = "web";
    out.healthy = true;
    return out;
}

model::Plan plan(std::initializer_list<std::string_view> vips) {
    std::vector<model::Frontend> frontends;
    for (auto vip : vips) frontends.push_back(frontend(vip));
    model::Plan plan;
    plan.frontends = SharedList(std::move(frontends));
    return plan;
}

/// A speaker with what it told of.
struct Router {
    Router(boost::asio::io_context& io, std::string_view own_address, uint32_t own_asn)
        : address(ip(own_address)),
          speaker(io.get_executor(), [this](EventKind kind, std::string message, std::optional<net::Ip>) {
              news.emplace_back(kind, std::move(message));
          }) {
        config.bgp.asn = own_asn;
        config.bgp.router_id = address;
        config.bgp.drain = 0s;
        config.services["web"] = {};
    }
    /// What this one's configuration says of the other.
    BgpPeer& add(const Router& other) {
        BgpPeer peer{.address = other.address, .asn = other.config.bgp.asn, .source = address};
        peer.connect_retry = 1s;
        peer.next_hop_v4 = address;  // a loopback address is none by itself
        if (!other.config.bgp.listen.empty()) peer.port = other.config.bgp.listen[0].port;
        config.bgp.peers.push_back(peer);
        return config.bgp.peers.back();
    }
    void listen() { config.bgp.listen = {{address, free_port(address.text())}}; }
    void set() {
        auto done = speaker.set(config);
        EXPECT_TRUE(done) << done.error().message;
    }
    BgpPeerRow peer() const { return speaker.report().peers.at(0); }
    bool is_up() const { return peer().state == "established"; }

    net::Ip address;
    model::Config config;
    std::vector<std::pair<EventKind, std::string>> news;
    Speaker speaker;
};

class BgpSpeaker : public testing::Test {
  protected:
    template <class Condition>
    [[nodiscard]] bool run_until(Condition holds) {
        auto until = std::chrono::steady_clock::now() + kSoon;
        io_.restart();
        while (!holds() && std::chrono::steady_clock::now() < until) io_.run_one_until(until);
        return holds();
    }
    /// A connects, B listens.
    void connect() {
        b_.listen();
        a_.add(b_).hold_time = hold_time_;
        b_.add(a_).passive = true;
        a_.set();
        b_.set();
        ASSERT_TRUE(run_until([&] { return a_.is_up() && b_.is_up(); }));
    }

    std::chrono::seconds hold_time_{9};
    boost::asio::io_context io_;
    Router a_{io_, "127.0.0.11", 65000}, b_{io_, "127.0.0.12", 4200000001};
};

TEST_F(BgpSpeaker, TellsItsPeerOfVipsAsTheyComeAndGo) {
    connect();
    a_.speaker.announce(plan({"192.0.2.1"}), {});
    ASSERT_TRUE(run_until([&] { return b_.peer().prefixes_ignored_total == 1; }));
    EXPECT_THAT(a_.peer().routes, ElementsAre(testing::Field(&BgpRouteRow::prefix, prefix("192.0.2.1/32"))));
    EXPECT_EQ(a_.peer().routes[0].next_hop, a_.address);
    EXPECT_EQ(b_.peer().last_fault, "");
    a_.speaker.announce(plan({"192.0.2.1", "192.0.2.2"}), {});
    ASSERT_TRUE(run_until([&] { return b_.peer().prefixes_ignored_total == 2; }));
    auto updates = b_.peer().received_total[1];
    a_.speaker.announce(plan({"192.0.2.2"}), {});
    ASSERT_TRUE(run_until([&] { return b_.peer().received_total[1] == updates + 1; }));
    EXPECT_THAT(a_.news, Contains(std::pair(EventKind::vip_withdrawn,
                                            std::string("192.0.2.1/32 is withdrawn from BGP"))));
    EXPECT_THAT(a_.news,
                Contains(testing::Pair(EventKind::bgp_up,
                                       "the session with BGP peer 127.0.0.12 (AS 4200000001) is up")));
}

TEST_F(BgpSpeaker, SaysNothingBeforeItKnowsTheVips) {
    hold_time_ = 3s;
    connect();
    auto learning = plan({"192.0.2.1"});
    learning.silent = true;
    a_.speaker.announce(learning, {});
    auto keepalives = b_.peer().received_total[3];
    ASSERT_TRUE(run_until([&] { return b_.peer().received_total[3] > keepalives; }));
    EXPECT_EQ(b_.peer().received_total[1], 0u) << "no End-of-RIB either";
    a_.speaker.announce(plan({}), {});
    EXPECT_TRUE(run_until([&] { return b_.peer().received_total[1] == 2; })) << "one of each family";
}

TEST_F(BgpSpeaker, TakesOneConnectionWhereBothConnect) {
    a_.listen();
    b_.listen();
    a_.add(b_).hold_time = 3s;
    b_.add(a_);
    a_.set();
    b_.set();
    ASSERT_TRUE(run_until([&] { return a_.is_up() && b_.is_up(); }));
    // Whatever is still under way, both end up with one and the same session.
    auto keepalives = a_.peer().received_total[3];
    ASSERT_TRUE(run_until([&] { return a_.peer().received_total[3] >= keepalives + 2; }));
    EXPECT_TRUE(a_.is_up());
    EXPECT_TRUE(b_.is_up());
}

TEST_F(BgpSpeaker, KeepsASessionWhoseAttributesChange) {
    connect();
    a_.speaker.announce(plan({"192.0.2.1"}), {});
    a_.config.bgp.peers[0].attributes.communities = {7};
    a_.set();
    ASSERT_TRUE(run_until([&] { return b_.peer().prefixes_ignored_total == 2; }));
    EXPECT_THAT(a_.peer().routes[0].communities, ElementsAre(7u));
    EXPECT_EQ(a_.peer().established_total, 1u);
    a_.config.bgp.peers[0].hold_time = 30s;
    a_.set();
    EXPECT_FALSE(a_.is_up()) << "this takes another session";
    ASSERT_TRUE(run_until([&] { return a_.is_up() && b_.is_up(); }));
    EXPECT_THAT(b_.news,
                Contains(testing::Pair(EventKind::bgp_down, HasSubstr("other configuration change"))));
}

TEST_F(BgpSpeaker, LeavesSessionsAloneWhereAnotherPeerChanges) {
    connect();
    a_.config.bgp.peers.push_back({.address = ip("127.0.0.13"), .asn = 65009, .source = a_.address});
    a_.set();
    a_.config.bgp.peers.back().hold_time = 30s;
    a_.set();
    a_.config.bgp.peers.pop_back();
    a_.set();
    EXPECT_TRUE(a_.is_up());
    EXPECT_EQ(a_.peer().established_total, 1u);
    a_.speaker.announce(plan({"192.0.2.1"}), {});
    EXPECT_TRUE(run_until([&] { return b_.peer().prefixes_ignored_total == 1; }));
    EXPECT_EQ(b_.peer().established_total, 1u);
}

TEST_F(BgpSpeaker, LetsAPeerGoThatIsInTheConfigurationNoMore) {
    connect();
    a_.config.bgp.peers.clear();
    a_.set();
    EXPECT_TRUE(a_.speaker.report().peers.empty());
    ASSERT_TRUE(run_until([&] { return !b_.is_up(); }));
    EXPECT_THAT(b_.peer().last_error,
                HasSubstr("peer de-configured; the peer has no configuration for this"));
}

TEST_F(BgpSpeaker, WithdrawsAndSaysWhyBeforeItEnds) {
    a_.config.bgp.shutdown_message = "rebooted by hand";
    connect();
    a_.speaker.announce(plan({"192.0.2.1"}), {});
    ASSERT_TRUE(run_until([&] { return b_.peer().received_total[1] == 3; }))
        << "with End-of-RIB of two families";
    a_.speaker.leave();
    ASSERT_TRUE(run_until([&] { return a_.speaker.is_gone() && !b_.is_up(); }));
    EXPECT_EQ(b_.peer().received_total[1], 4u);
    EXPECT_EQ(b_.peer().last_error,
              "it closed the session: cease, administrative shutdown: \"rebooted by hand\"");
}

TEST_F(BgpSpeaker, AsksRoutersToPreferOthersBeforeItWithdraws) {
    a_.config.bgp.graceful_shutdown = 1s;
    connect();
    a_.speaker.announce(plan({"192.0.2.1"}), {});
    ASSERT_TRUE(run_until([&] { return b_.peer().prefixes_ignored_total == 1; }));
    a_.speaker.leave();
    ASSERT_TRUE(run_until([&] { return b_.peer().prefixes_ignored_total == 2; }));
    EXPECT_THAT(a_.peer().routes.at(0).communities, ElementsAre(kGracefulShutdown));
    EXPECT_TRUE(run_until([&] { return a_.speaker.is_gone(); }));
}

TEST_F(BgpSpeaker, SignsWithAPassword) {
    b_.listen();
    a_.add(b_).password = "secret";
    auto& answer = b_.add(a_);
    answer.passive = true;
    answer.password = "other";
    b_.set();
    a_.set();
    ASSERT_TRUE(run_until([&] { return a_.peer().last_error == "it does not answer"; }));
    b_.config.bgp.peers[0].password = "secret";
    b_.set();
    EXPECT_TRUE(run_until([&] { return a_.is_up() && b_.is_up(); }));
}

TEST_F(BgpSpeaker, DemandsThatThePeerIsNear) {
    b_.listen();
    a_.add(b_);  // with a TTL of 1
    auto& near = b_.add(a_);
    near.passive = true;
    near.ttl_security = 1;
    b_.set();
    a_.set();
    ASSERT_TRUE(run_until([&] { return a_.peer().last_error == "it does not answer"; }));
    a_.config.bgp.peers[0].ttl_security = 1;
    a_.set();
    EXPECT_TRUE(run_until([&] { return a_.is_up() && b_.is_up(); }));
}

TEST_F(BgpSpeaker, CountsStrangersAndLetsNoneIn) {
    connect();
    Router stranger(io_, "127.0.0.13", 65000);
    stranger.add(b_);
    stranger.set();
    ASSERT_TRUE(run_until([&] { return stranger.peer().last_error != ""; }));
    EXPECT_EQ(b_.speaker.report().strangers_total, 1u);
    EXPECT_FALSE(stranger.is_up());
}

TEST_F(BgpSpeaker, SaysWhichSettingIsWrong) {
    b_.listen();
    a_.add(b_).asn = 65009;
    b_.add(a_).passive = true;
    a_.set();
    b_.set();
    ASSERT_TRUE(run_until([&] { return a_.peer().last_error != "" && b_.peer().last_error != ""; }));
    EXPECT_EQ(a_.peer().last_error,
              "OPEN error, bad peer AS: it says AS 4200000001, the configuration says 65009");
    EXPECT_THAT(b_.peer().last_error, HasSubstr("it closed the session: OPEN error, bad peer AS; see which"));
}

TEST_F(BgpSpeaker, LeavesASourceThatNobodyHasAsAProblemOfItsOwn) {
    b_.listen();
    a_.add(b_).source = ip("192.0.2.77");
    a_.set();
    ASSERT_TRUE(run_until([&] { return a_.peer().last_error != ""; }));
    EXPECT_THAT(a_.peer().last_error, HasSubstr("192.0.2.77; see that an interface has it"));
}

TEST_F(BgpSpeaker, VanishesWithoutAWord) {
    connect();
    a_.speaker.vanish();
    ASSERT_TRUE(run_until([&] { return !b_.is_up(); }));
    EXPECT_EQ(b_.peer().last_error, "it closed the connection");
    EXPECT_EQ(b_.peer().received_total[2], 0u);
}

/// What is written by hand.
class BgpWire : public BgpSpeaker {
  protected:
    void SetUp() override {
        b_.listen();
        BgpPeer us{.address = ip("127.0.0.14"), .asn = 65000, .hold_time = 90s, .passive = true};
        us.next_hop_v4 = b_.address;
        b_.config.bgp.peers = {us};
        b_.set();
    }
    void dial() {
        socket_ = tcp::socket(io_, tcp::v4());
        socket_.bind({boost::asio::ip::make_address("127.0.0.14"), 0});
        socket_.connect({boost::asio::ip::make_address("127.0.0.12"), b_.config.bgp.listen[0].port.value()});
        in_.clear();
        ended_ = false;
        listen_on();
    }
    void listen_on() {
        socket_.async_read_some(boost::asio::buffer(buffer_),
                                [this](boost::system::error_code code, size_t count) {
                                    in_.insert(in_.end(), buffer_.begin(), buffer_.begin() + count);
                                    ended_ = code.failed();
                                    if (!ended_ && !is_deaf_) listen_on();
                                });
    }
    void say(const Bytes& bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }
    /// All that the speaker has said.
    std::vector<Message> heard() const {
        std::vector<Message> messages;
        for (std::span<const uint8_t> left(in_); left.size() >= kHeaderSize;) {
            auto header = read_header(left.first<kHeaderSize>());
            if (!header || header->length > left.size()) break;
            messages.push_back(*read_message(left.first(header->length), {}));
            left = left.subspan(header->length);
        }
        return messages;
    }
    Open open() const {
        return {.asn = 65000,
                .hold_time = 90,
                .router_id = 0x7f00000e,
                .capabilities = {.families = {net::Family::v4}, .asn = 65000}};
    }
    void establish() {
        dial();
        say(write(open()));
        say(keepalive());
        ASSERT_TRUE(run_until([&] { return b_.is_up(); }));
    }
    /// The last it said before it closed.
    Notification last_words() {
        EXPECT_TRUE(run_until([&] { return ended_; }));
        auto all = heard();
        auto* last = all.empty() ? nullptr : std::get_if<Notification>(&all.back());
        EXPECT_TRUE(last);
        return last ? *last : Notification{};
    }

    tcp::socket socket_{io_};
    std::array<uint8_t, 4096> buffer_{};
    Bytes in_;
    bool ended_ = false;
    bool is_deaf_ = false;
};

TEST_F(BgpWire, IsAnsweredByANotificationWhateverIsWrong) {
    const std::pair<Bytes, Notification> rows[] = {
        {Bytes(kHeaderSize, 0), {ErrorCode::header, 1, {}}},
        {golden("1001 02"), {ErrorCode::header, 2, hex("1001")}},
        {golden("0013 09"), {ErrorCode::header, 3, hex("09")}},
        {golden("001d 01 03 fde8 0009 7f00000e 00"), {ErrorCode::open, 1, hex("0004")}},
        {golden("001d 01 04 fde9 0009 7f00000e 00"), {ErrorCode::open, 2, {}}},
        {golden("001d 01 04 fde8 0001 7f00000e 00"), {ErrorCode::open, 6, {}}},
        {keepalive(), {ErrorCode::state_machine, 1, {4}}},
    };
    for (const auto& [bytes, answer] : rows) {
        // After a mistake nobody is let in for a while.
        ASSERT_TRUE(run_until([&] { return b_.peer().state == "active"; }));
        b_.config.bgp.peers[0].description += ".";
        dial();
        say(bytes);
        EXPECT_EQ(last_words(), answer);
        b_.config.bgp.peers[0].hold_time += 1s;  // begins anew, without the rest that grows
        b_.set();
    }
}

TEST_F(BgpWire, HearsUpdatesWithFaultsAndGoesOn) {
    establish();
    say(golden("002b 02 0000 0012 40 01 01 07 40 02 04 02 01 fde8 40 03 04 7f00000e 08 0a"));
    ASSERT_TRUE(run_until([&] { return b_.peer().faults_total == 1; }));
    EXPECT_EQ(b_.peer().last_fault, "ORIGIN is malformed");
    EXPECT_TRUE(b_.is_up());
    say(golden("0018 02 0001 21 0000"));
    EXPECT_EQ(last_words(), (Notification{ErrorCode::update, 10, {}}));
}

TEST_F(BgpWire, SaysARouteAgainBetweenMarks) {
    b_.speaker.announce(plan({"192.0.2.1"}), {});
    auto able = open();
    able.capabilities.enhanced_refresh = able.capabilities.route_refresh = true;
    dial();
    say(write(able));
    say(keepalive());
    ASSERT_TRUE(run_until([&] { return b_.is_up(); }));
    auto is_update = [](const Message& message) { return std::holds_alternative<Received>(message); };
    ASSERT_TRUE(run_until([&] { return std::ranges::count_if(heard(), is_update) == 2; }))
        << "and End-of-RIB";
    auto before = heard().size();
    say(refresh(net::Family::v4, Refresh::Kind::request));
    ASSERT_TRUE(run_until([&] { return heard().size() >= before + 3; }));
    auto all = heard();
    EXPECT_EQ(all[before], Message(Refresh{net::Family::v4, 1}));
    EXPECT_EQ(std::get<Received>(all[before + 1]).announced, 1u);
    EXPECT_EQ(all[before + 2], Message(Refresh{net::Family::v4, 2}));
}

TEST_F(BgpWire, LeavesAPeerThatAsksAndDoesNotRead) {
    std::vector<model::Frontend> many;
    for (uint32_t i = 0; i < 5000; ++i) many.push_back(frontend(address_of(0x0a000000 + i).text()));
    model::Plan all;
    all.frontends = SharedList(std::move(many));
    b_.speaker.announce(all, {});
    establish();
    is_deaf_ = true;
    const auto ask = refresh(net::Family::v4, Refresh::Kind::request);
    Bytes asks;
    for (int i = 0; i < 100; ++i) asks.insert(asks.end(), ask.begin(), ask.end());
    socket_.non_blocking(true);  // who would read it is this thread
    std::span<const uint8_t> left;
    boost::system::error_code code;
    while (b_.is_up() && (!code || code == boost::asio::error::would_block)) {
        if (left.empty()) left = asks;
        left = left.subspan(socket_.write_some(boost::asio::buffer(left.data(), left.size()), code));
        io_.restart();
        io_.poll();
    }
    EXPECT_EQ(b_.peer().last_error, "it does not read what it is told");
}

TEST_F(BgpWire, TakesMessagesInPieces) {
    dial();
    auto bytes = write(open());
    auto more = keepalive();
    bytes.insert(bytes.end(), more.begin(), more.end());
    for (auto byte : bytes) say({byte});
    EXPECT_TRUE(run_until([&] { return b_.is_up(); }));
}

}  // namespace
}  // namespace weir::announce::bgp
