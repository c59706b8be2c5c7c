// Two detectors that talk to each other over the loopback interface, and one with a socket that the test has.
#include "announce/bfd/detector.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "announce/bfd/socket.h"

namespace weir::announce::bfd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kSoon = 30s;

/// The ports are fixed, so that each process that runs tests has addresses of its own.
net::Ip own_loopback(uint8_t last) {
    const auto pid = static_cast<unsigned>(::getpid());
    return net::Ip::v4({127, static_cast<uint8_t>(pid >> 8 | 0x80), static_cast<uint8_t>(pid), last});
}

struct End {
    End(boost::asio::io_context& io, uint8_t last)
        : address(own_loopback(last)),
          detector(std::make_unique<Detector>(io.get_executor(),
                                              [this](const Change& change) { changes.push_back(change); })) {}

    void watch(const net::Ip& other, Timers timers = {50ms, 20}) {
        detector->set({{.peer = other, .source = address, .timers = timers}});
    }
    const BfdRow* row(const net::Ip& other) const {
        auto found = detector->seen().rows.find(other);
        return found == detector->seen().rows.end() ? nullptr : &found->second;
    }
    bool is(std::string_view state, const net::Ip& other) const {
        return row(other) && row(other)->state == state;
    }

    net::Ip address;
    std::vector<Change> changes;
    std::unique_ptr<Detector> detector;
};

class BfdDetector : public testing::Test {
  protected:
    template <class Condition>
    [[nodiscard]] bool run_until(Condition holds) {
        const auto until = std::chrono::steady_clock::now() + kSoon;
        while (!holds() && std::chrono::steady_clock::now() < until) io_.run_one_until(until);
        return holds();
    }
    void bring_up() {
        a_.watch(b_.address);
        b_.watch(a_.address);
        ASSERT_TRUE(run_until([&] { return a_.is("up", b_.address) && b_.is("up", a_.address); }));
    }

    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ = make_work_guard(io_);
    End a_{io_, 1}, b_{io_, 2};
};

TEST_F(BfdDetector, ComesUpAndAgreesOnIntervals) {
    a_.watch(b_.address, {50ms, 20});
    b_.watch(a_.address, {80ms, 25});
    ASSERT_TRUE(run_until([&] {
        return a_.is("up", b_.address) && a_.row(b_.address)->detection_time == 2000ms &&
               b_.is("up", a_.address) && b_.row(a_.address)->detection_time == 1600ms;
    }));
    EXPECT_EQ(a_.row(b_.address)->transmit_interval, 80ms);
    EXPECT_EQ(a_.row(b_.address)->remote_state, "up");
    EXPECT_EQ(a_.row(b_.address)->local, a_.address);
    EXPECT_EQ(a_.row(b_.address)->up_total, 1u);
    EXPECT_EQ(a_.changes.back().to, State::up);
    EXPECT_EQ(a_.detector->seen().strangers_total, 0u);
}

TEST_F(BfdDetector, TellsThePeerThatItsEndIsMeant) {
    bring_up();
    a_.detector->end();
    ASSERT_TRUE(run_until([&] { return b_.is("down", a_.address); }));
    EXPECT_EQ(b_.changes.back().from, State::up);
    EXPECT_EQ(b_.changes.back().remote, State::admin_down);
}

TEST_F(BfdDetector, TellsThePeerWhenItIsNoLongerWanted) {
    bring_up();
    a_.detector->set({});
    ASSERT_TRUE(run_until([&] { return b_.is("down", a_.address); }));
    EXPECT_EQ(b_.row(a_.address)->remote_state, "admin_down");
    ASSERT_TRUE(run_until([&] { return a_.detector->seen().rows.empty(); }));
    a_.watch(b_.address);
    EXPECT_TRUE(run_until([&] { return a_.is("up", b_.address) && b_.is("up", a_.address); }));
}

TEST_F(BfdDetector, ChangesItsTimersOverASessionThatGoesOn) {
    bring_up();
    a_.watch(b_.address, {200ms, 10});
    ASSERT_TRUE(run_until([&] { return b_.row(a_.address)->detection_time == 2s; }));
    ASSERT_TRUE(run_until([&] { return a_.row(b_.address)->transmit_interval == 200ms; }));
    EXPECT_EQ(a_.row(b_.address)->up_total, 1u);
    EXPECT_EQ(b_.row(a_.address)->up_total, 1u);
}

TEST_F(BfdDetector, LeavesASessionToTheNextOne) {
    bring_up();
    std::optional<ParkedSessions> parked;
    a_.detector->park(30s, [&](ParkedSessions sessions) { parked = std::move(sessions); });
    ASSERT_TRUE(run_until([&] { return parked.has_value(); }));
    ASSERT_EQ(parked->count(b_.address), 1u);
    a_.detector.reset();
    End next(io_, 1);
    next.detector->resume(*parked);
    next.watch(b_.address);
    ASSERT_TRUE(
        run_until([&] { return next.is("up", b_.address) && next.row(b_.address)->received_total > 3; }));
    EXPECT_TRUE(next.changes.empty()) << "it never was anything else";
    EXPECT_TRUE(run_until([&] { return b_.row(a_.address)->detection_time == 1s; }))
        << "no more patient than before";
    EXPECT_EQ(b_.row(a_.address)->up_total, 1u);
}

TEST_F(BfdDetector, ParksNothingWhereNothingIsUp) {
    std::optional<ParkedSessions> parked;
    a_.detector->park(30s, [&](ParkedSessions sessions) { parked = std::move(sessions); });
    ASSERT_TRUE(run_until([&] { return parked.has_value(); }));
    EXPECT_TRUE(parked->empty());
}

TEST_F(BfdDetector, RefusesWhatIsNotInOrderAndCountsWhy) {
    a_.watch(b_.address);
    ASSERT_TRUE(run_until([&] { return a_.row(b_.address) && a_.row(b_.address)->sent_total > 0; }));
    auto sender = open_sender(b_.address);
    ASSERT_TRUE(sender) << sender.error().message;
    const Packet good{
        .state = State::down, .multiplier = 3, .mine = 7, .desired_min_tx = 1s, .required_min_rx = 1s};
    const net::Endpoint to{a_.address, port_of(false)};
    auto other = good;
    other.yours = 1;
    const auto bytes = write(good);
    const int far = 254;
    ASSERT_TRUE(send(sender->get(), to, write(other)));
    ASSERT_TRUE(send(sender->get(), to, std::span<const uint8_t>(bytes).first(10)));
    ::setsockopt(sender->get(), IPPROTO_IP, IP_TTL, &far, sizeof far);
    ASSERT_TRUE(send(sender->get(), to, write(good)));
    auto stranger = open_sender(own_loopback(3));
    ASSERT_TRUE(stranger);
    ASSERT_TRUE(send(stranger->get(), to, write(good)));
    const auto refused = [&](Refusal why) {
        return a_.row(b_.address)->refused_total.at(static_cast<size_t>(why));
    };
    EXPECT_TRUE(run_until([&] {
        return refused(Refusal::hop_limit) == 1 && refused(Refusal::length) == 1 &&
               refused(Refusal::your_discriminator) == 1 && a_.detector->seen().strangers_total == 1;
    }));
    EXPECT_EQ(a_.row(b_.address)->received_total, 0u);
    EXPECT_EQ(a_.row(b_.address)->state, "down");
}

TEST_F(BfdDetector, SaysWhyItCannotSend) {
    auto taken = open_receiver(a_.address, false);
    ASSERT_TRUE(taken);
    a_.watch(b_.address);
    ASSERT_TRUE(run_until([&] { return a_.row(b_.address) != nullptr; }));
    EXPECT_THAT(a_.row(b_.address)->last_error, HasSubstr("another program speaks BFD on this host"));
    taken->reset();
    b_.watch(a_.address);
    EXPECT_TRUE(run_until([&] { return a_.is("up", b_.address); })) << "once it can";
    EXPECT_EQ(a_.row(b_.address)->last_error, "");
}

TEST_F(BfdDetector, IsNotDisturbedByABusyControlThread) {
    bring_up();
    // Nobody runs the loop meanwhile, for twice the detection time.
    b_.watch(a_.address, {10ms, 50});
    a_.watch(b_.address, {10ms, 50});
    ASSERT_TRUE(run_until([&] { return a_.row(b_.address)->detection_time == 500ms; }));
    std::this_thread::sleep_for(1s);
    const auto up = [&] { return a_.row(b_.address)->received_total > 100; };
    ASSERT_TRUE(run_until(up));
    EXPECT_EQ(a_.row(b_.address)->up_total, 1u);
    EXPECT_EQ(b_.row(a_.address)->up_total, 1u);
}

}  // namespace
}  // namespace weir::announce::bfd
