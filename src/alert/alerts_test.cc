#include "alert/alerts.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "alert/sample.h"
#include "base/fake_clock.h"

namespace weir::alert {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// What the sinks do, and have got.
struct Receivers {
    std::vector<std::string> got;
    std::map<std::string, std::string> failures;  // by the alert's name; "stuck" does not end by itself
    int made = 0;
};

class FakeSink final : public Sink {
  public:
    FakeSink(std::string name, Receivers& receivers) : name_(std::move(name)), receivers_(receivers) {
        ++receivers_.made;
    }

    asio::awaitable<Delivery> deliver(const Message& message) override {
        auto failure = receivers_.failures[name_];
        if (failure == "stuck") {
            asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
            co_await timer.async_wait(asio::use_awaitable);
        }
        if (failure == "throws") throw std::runtime_error(failure);
        if (failure.empty()) receivers_.got.push_back(name_ + ": " + message.text);
        co_return Delivery{failure, failure != "final"};
    }

  private:
    std::string name_;
    Receivers& receivers_;
};

class AlertsTest : public testing::Test {
  protected:
    AlertsTest() {
        config_.pools["web"].backends = {{down(1).backend.value()}, {down(2).backend.value()}};
        auto& web = config_.services["web"];
        web.vips = {net::only(kFrontend.vip)};
        web.ports = {{kFrontend.port, kFrontend.protocol}};
        web.pool = "web";
        config_.alerts["a"] = at_once();
        alerts_.emplace(io_.get_executor(), clock_, [this](const std::string& name, const model::Alert&) {
            return std::make_unique<FakeSink>(name, receivers_);
        });
        alerts_->set(config_);
    }

    static model::Alert at_once() { return {.to = model::Journal{}, .settle = 0s}; }

    /// All that can be done without waiting for time to pass.
    void work() { clock_.settle(); }
    void tell(const control::Event& event) {
        alerts_->tell(event);
        work();
    }
    control::AlertRow row(size_t i = 0) { return alerts_->rows().at(i); }

    asio::io_context io_;
    FakeClock clock_{io_};
    Receivers receivers_;
    model::Config config_;
    std::optional<Alerts> alerts_;
};

TEST_F(AlertsTest, TellEachReceiver) {
    config_.alerts["b"] = at_once();
    alerts_->set(config_);
    tell(down());
    tell(up());
    EXPECT_THAT(receivers_.got,
                UnorderedElementsAre("a: backend 10.0.0.1 is down", "b: backend 10.0.0.1 is down",
                                     "a: backend 10.0.0.1 is up", "b: backend 10.0.0.1 is up"));
    EXPECT_EQ(row(1).name, "b");
    EXPECT_EQ(row(1).sent_total, 2u);
}

TEST_F(AlertsTest, AreNotHeldUpByAReceiverThatIs) {
    config_.alerts["b"] = at_once();
    alerts_->set(config_);
    receivers_.failures["a"] = "stuck";
    tell(down());
    tell(up());
    EXPECT_THAT(receivers_.got, ElementsAre("b: backend 10.0.0.1 is down", "b: backend 10.0.0.1 is up"));
    EXPECT_EQ(row().waiting, 2u);
}

TEST_F(AlertsTest, SayWhatFails) {
    receivers_.failures["a"] = "HTTP 503";
    auto before = std::chrono::system_clock::now();
    tell(down());
    EXPECT_EQ(row().error, "HTTP 503");
    EXPECT_EQ(row().waiting, 1u);
    EXPECT_GE(row().failing_since.value() + 1s, before);
    receivers_.failures["a"] = "final";
    config_.alerts["a"].rate = 10;
    alerts_->set(config_);
    work();
    EXPECT_EQ(row().failed_total, 1u);
    EXPECT_EQ(row().waiting, 0u);
}

TEST_F(AlertsTest, OutliveASinkThatThrows) {
    receivers_.failures["a"] = "throws";
    tell(down());
    EXPECT_EQ(row().error, "throws");
    EXPECT_EQ(row().waiting, 1u);
}

TEST_F(AlertsTest, KeepWhatWaitsOverAReload) {
    receivers_.failures["a"] = "stuck";
    tell(down());
    alerts_->set(config_);
    work();
    EXPECT_EQ(receivers_.made, 1);
    EXPECT_EQ(row().waiting, 1u);
    receivers_.failures["a"] = "";
    config_.alerts["a"].to = model::Syslog{};
    alerts_->set(config_);
    work();
    EXPECT_EQ(receivers_.made, 2);
    EXPECT_THAT(receivers_.got, ElementsAre("a: backend 10.0.0.1 is down"));
    tell(up());
    EXPECT_THAT(receivers_.got, ElementsAre("a: backend 10.0.0.1 is down", "a: backend 10.0.0.1 is up"));
}

TEST_F(AlertsTest, AreGoneWithTheConfigurations) {
    receivers_.failures["a"] = "stuck";
    tell(down());
    config_.alerts.clear();
    alerts_->set(config_);
    work();
    EXPECT_THAT(alerts_->rows(), IsEmpty());
    tell(down(2));
    EXPECT_THAT(receivers_.got, IsEmpty());
}

TEST_F(AlertsTest, ForgetWhatTheConfigurationHasNoMore) {
    tell(down(1));
    tell(down(2));
    receivers_.got.clear();
    auto two = config_.pools["web"].backends;
    config_.pools["web"].backends.pop_back();
    alerts_->set(config_);
    config_.pools["web"].backends = two;
    alerts_->set(config_);
    tell(up(1));
    tell(up(2));
    EXPECT_THAT(receivers_.got, ElementsAre("a: backend 10.0.0.1 is up"));
}

TEST_F(AlertsTest, DoNotRepeatWhatWasToldBeforeTheDaemonStarted) {
    alerts_->assume(down());
    tell(down());
    EXPECT_THAT(receivers_.got, IsEmpty());
    tell(up());
    EXPECT_THAT(receivers_.got, ElementsAre("a: backend 10.0.0.1 is up"));
}

TEST_F(AlertsTest, TellWhatWaitsAtTheEnd) {
    config_.alerts["a"].settle = 1h;
    alerts_->set(config_);
    tell(down(1));
    tell(down(2));
    EXPECT_TRUE(alerts_->is_empty());
    alerts_->finish();
    EXPECT_FALSE(alerts_->is_empty());
    work();
    EXPECT_TRUE(alerts_->is_empty());
    EXPECT_THAT(receivers_.got, ElementsAre("a: 2 events, the worst: backend 10.0.0.1 is down"));
}

TEST_F(AlertsTest, MayEndWhileAReceiverIsStuck) {
    receivers_.failures["a"] = "stuck";
    tell(down());
    alerts_->finish();
    work();
    EXPECT_FALSE(alerts_->is_empty());
    auto unsent = alerts_->unsent();
    alerts_.reset();
    work();
    EXPECT_THAT(receivers_.got, IsEmpty());
    ASSERT_EQ(unsent.size(), 1u);
    EXPECT_THAT(texts(unsent.at("a")), ElementsAre("backend 10.0.0.1 is down"));
}

TEST_F(AlertsTest, TellWhatAFormerDaemonHasLeft) {
    config_.alerts.clear();
    alerts_->set(config_);
    config_.alerts["a"] = {.to = model::Journal{}};
    alerts_->recall({{"a", {down()}}, {"gone", {down()}}});
    alerts_->set(config_);
    work();
    EXPECT_THAT(receivers_.got, ElementsAre("a: backend 10.0.0.1 is down"));
}

}  // namespace
}  // namespace weir::alert
