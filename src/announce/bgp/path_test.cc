// What BFD does to a speaker's sessions: one speaker that has it, another that has not, and a BFD session at
// the other's address that the test moves.
#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "announce/bfd/socket.h"
#include "announce/bgp/golden.h"
#include "announce/bgp/socket.h"
#include "announce/bgp/speaker.h"

namespace weir::announce::bgp {
namespace {

using namespace std::chrono_literals;
using model::EventKind;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

constexpr auto kSoon = 30s;
using Clock = std::chrono::steady_clock;

/// The ports of BFD are fixed, so that each process that runs tests has addresses of its own.
net::Ip own_loopback(uint8_t last) {
    const auto pid = static_cast<unsigned>(::getpid());
    return net::Ip::v4({127, static_cast<uint8_t>(pid >> 8 | 0x80), static_cast<uint8_t>(pid), last});
}

/// The peer's end, for as long as somebody calls move().
class PeersBfd {
  public:
    PeersBfd(const net::Ip& own, const net::Ip& other)
        : receiver_(bfd::open_receiver(own, false).value()),
          sender_(bfd::open_sender(own).value()),
          to_{other, bfd::port_of(false)} {}

    void move() {
        while (auto datagram = bfd::receive(receiver_.get()))
            if (auto packet = bfd::read(datagram->data()); packet && session_.owns(*packet))
                send(session_.received(*packet, Clock::now()).send);
        send(session_.tick(Clock::now()).send);
    }
    void disable() { send(session_.disable()); }

  private:
    void send(const std::optional<bfd::Packet>& packet) {
        if (!packet) return;
        EXPECT_TRUE(bfd::send(sender_.get(), to_, bfd::write(*packet)));
    }

    UniqueFd receiver_, sender_;
    net::Endpoint to_;
    bfd::Session session_{{50ms, 10}, 7, 1, Clock::now()};
};

class BgpPath : public testing::Test {
  protected:
    using News = std::vector<std::pair<EventKind, std::string>>;

    BgpPath() {
        auto port = local_of(open_listener({theirs_, net::Port(0)}).value().get()).port;
        auto config = of(65001, theirs_);
        config.bgp.listen = {{theirs_, port}};
        config.bgp.peers = {{.address = ours_, .asn = 65000, .source = theirs_, .passive = true}};
        EXPECT_TRUE(b_.set(config));
        config = of(65000, ours_);
        config.bgp.peers = {{.address = theirs_, .asn = 65001, .port = port, .source = ours_}};
        config.bgp.peers[0].connect_retry = 1s;
        config.bgp.peers[0].bfd = model::Bfd{50ms, 10};
        EXPECT_TRUE(a_.set(config));
    }
    static model::Config of(uint32_t asn, const net::Ip& address) {
        model::Config config;
        config.bgp.asn = asn;
        config.bgp.router_id = address;
        return config;
    }
    template <class Condition>
    [[nodiscard]] bool run_until(Condition holds) {
        const auto until = Clock::now() + kSoon;
        io_.restart();
        while (!holds() && Clock::now() < until) {
            io_.run_for(5ms);
            if (speaks_) bfd_.move();
        }
        return holds();
    }
    BgpPeerRow row() const { return a_.report().peers.at(0); }
    bool is_up() const { return row().state == "established"; }
    bool has_path() const { return row().bfd && row().bfd->state == "up"; }

    net::Ip ours_ = own_loopback(11), theirs_ = own_loopback(12);
    boost::asio::io_context io_;
    News news_;
    Speaker a_{io_.get_executor(), [this](EventKind kind, std::string message, std::optional<net::Ip>) {
                   news_.emplace_back(kind, std::move(message));
               }};
    Speaker b_{io_.get_executor(), [](EventKind, std::string, std::optional<net::Ip>) {}};
    PeersBfd bfd_{theirs_, ours_};
    bool speaks_ = true;
};

TEST_F(BgpPath, IsNotAskedForWhereThePeerSpeaksNoBfd) {
    speaks_ = false;
    ASSERT_TRUE(run_until([&] { return is_up() && row().bfd && row().bfd->sent_total > 0; }));
    EXPECT_EQ(row().bfd->state, "down");
}

TEST_F(BgpPath, EndsTheSessionWhenItIsGoneAndOpensItAgain) {
    ASSERT_TRUE(run_until([&] { return is_up() && has_path(); }));
    EXPECT_THAT(news_, Contains(Pair(EventKind::bfd_up, HasSubstr("(AS 65001) is up"))));
    speaks_ = false;
    ASSERT_TRUE(run_until([&] { return !is_up(); }));
    constexpr auto kWhy = "is down: nothing has come for the detection time";
    EXPECT_THAT(news_, Contains(Pair(EventKind::bfd_down, HasSubstr(kWhy))));
    EXPECT_THAT(news_, Contains(Pair(EventKind::bgp_down, HasSubstr(kWhy))));
    EXPECT_EQ(row().state, "idle");
    ASSERT_TRUE(run_until([&] { return b_.report().peers.at(0).state != "established"; }));
    EXPECT_THAT(b_.report().peers.at(0).last_error, HasSubstr("cease, BFD down"));
    speaks_ = true;
    ASSERT_TRUE(run_until([&] { return is_up() && has_path(); }));
    EXPECT_EQ(row().established_total, 2u);
}

TEST_F(BgpPath, IsNotGoneWhenThePeerSwitchesBfdOff) {
    ASSERT_TRUE(run_until([&] { return is_up() && has_path(); }));
    bfd_.disable();
    ASSERT_TRUE(run_until([&] { return !has_path(); }));
    EXPECT_THAT(news_, Contains(Pair(EventKind::bfd_down, HasSubstr("the peer has switched it off"))));
    EXPECT_TRUE(is_up());
    EXPECT_EQ(row().established_total, 1u);
}

TEST_F(BgpPath, IsWatchedOrNotOverTheSameSession) {
    ASSERT_TRUE(run_until([&] { return is_up() && has_path(); }));
    auto config = of(65000, ours_);
    config.bgp.peers = {row().settings};
    config.bgp.peers[0].bfd.reset();
    EXPECT_TRUE(a_.set(config));
    ASSERT_TRUE(run_until([&] { return !row().bfd; }));
    EXPECT_TRUE(is_up());
    EXPECT_EQ(row().established_total, 1u);
}

}  // namespace
}  // namespace weir::announce::bgp
