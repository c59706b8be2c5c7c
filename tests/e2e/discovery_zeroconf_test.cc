// The source `zeroconf` alone, between real Avahis: one on the balancer, which it asks, and one on each of
// the workers, which announce services.
#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "discovery/kinds.h"
#include "lab/avahi.h"
#include "lab/failure.h"
#include "lab/lab.h"

namespace weir::e2e {
namespace {

using namespace std::chrono_literals;
using discovery::Found, discovery::Set;
using testing::Each, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty,
    testing::UnorderedElementsAre;

constexpr auto kSoon = 40s;  // until what has to happen is given up; nothing is measured by it

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

Found backend(const char* address, uint16_t port = 8080, uint32_t weight = 1) {
    return {ip(address), net::Port(port), weight};
}

struct Recorder final : discovery::Listener {
    void found(Set set) override {
        sets.push_back(std::move(set));
        failing = false;
    }
    void failed(const Error& why) override {
        failures.push_back(why.message);
        failing = true;
    }
    std::vector<Found> members() const { return sets.empty() ? std::vector<Found>() : sets.back().members; }

    std::vector<Set> sets;
    std::vector<std::string> failures;
    bool failing = false;
};

class ZeroconfSource : public testing::Test {
  protected:
    void SetUp() override {
        for (const std::string& why : {lab::why_no_lab(), lab::Avahi::why_not()})
            if (!why.empty()) GTEST_SKIP() << why;
        lab_.emplace("zeroconf");
        lab_->lan("switch", {&balancer(), &worker(1), &worker(2)}, "eth0");
        balancer().add_address("eth0", "10.7.0.100/24");
        for (unsigned i : {1, 2}) worker(i).add_address("eth0", fmt::format("10.7.0.{}/24", i));
    }
    void TearDown() override {
        source_.reset();
        std::error_code ignored;
        std::filesystem::remove(bus_path(), ignored);
    }

    lab::Host& balancer() { return lab_->host("balancer"); }
    lab::Host& worker(unsigned i) { return lab_->host(fmt::format("worker-{}", i)); }

    /// Avahi on every host, or on the balancer and worker-1.
    void start_avahi(lab::AvahiOptions options = {}, unsigned workers = 2) {
        avahi_.emplace(balancer(), options);
        use(*avahi_);
        for (unsigned i = 1; i <= workers; ++i)
            workers_.push_back(std::make_unique<lab::Avahi>(worker(i), options));
    }
    lab::Avahi& avahi(unsigned i) { return *workers_.at(i - 1); }

    /// libdbus reads the address of the system's bus once in a process: always the same link, to another bus.
    static std::string bus_path() { return fmt::format("/tmp/weir-lab.{}.bus", ::getpid()); }
    static void use(const lab::Avahi& avahi) {
        std::error_code ignored;
        std::filesystem::remove(bus_path(), ignored);
        std::filesystem::create_symlink(avahi.bus().substr(sizeof "unix:path=" - 1), bus_path());
        ::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + bus_path()).c_str(), 1);
    }

    void search(model::SourceSpec spec) {
        const auto kind = discovery::zeroconf_kind();
        ASSERT_TRUE(kind.known.check(spec));
        source_ = kind.make({context_.get_executor(), clock_}, spec, told_);
    }
    static model::SourceSpec spec(std::map<std::string, model::SourceSpec::Value, std::less<>> more = {}) {
        more.emplace("service", "weir-test");
        return {"zeroconf", std::move(more)};
    }

    /// The source runs meanwhile.
    template <class Condition>
    [[nodiscard]] bool await(Condition condition) {
        return balancer().run([&] {
            const auto deadline = std::chrono::steady_clock::now() + kSoon;
            while (!condition() && std::chrono::steady_clock::now() < deadline) {
                context_.restart();
                context_.run_one_for(20ms);
            }
            return condition();
        });
    }
    template <class Matcher>
    testing::AssertionResult finds(const Matcher& matcher) {
        if (await([&] { return !told_.failing && testing::Value(told_.members(), matcher); }))
            return testing::AssertionSuccess();
        auto result = testing::AssertionFailure() << "failures: " << testing::PrintToString(told_.failures);
        for (const auto& found : told_.members())
            result << "; " << found.address.text() << " port " << found.port->value() << " weight "
                   << found.weight;
        return result;
    }
    [[nodiscard]] bool fails_with(const std::string& text) {
        return await([&] { return told_.failing && told_.failures.back().find(text) != std::string::npos; });
    }
    [[nodiscard]] bool finds_something() {
        return await([&] { return !told_.sets.empty(); });
    }

    std::optional<lab::Lab> lab_;
    std::optional<lab::Avahi> avahi_;
    std::vector<std::unique_ptr<lab::Avahi>> workers_;
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{context_.get_executor()};
    SystemClock clock_{context_.get_executor()};
    Recorder told_;
    std::unique_ptr<discovery::Source> source_;
};

constexpr const char* kType = "_weir-test._tcp";

TEST_F(ZeroconfSource, FollowsWhatIsAnnounced) {
    start_avahi();
    auto one = std::make_unique<lab::Process>(
        avahi(1).publish({"one", kType, 8080, {"path=/", "weight=3", "tag=blue"}}));
    search(spec());
    const Found first{ip("10.7.0.1"), net::Port(8080), 3, 0, {"blue"}};
    ASSERT_TRUE(finds(ElementsAre(first)));
    EXPECT_EQ(told_.sets.size(), 1u) << "no set before all is known";

    avahi(2).write_service("two", {"two & a half", kType, 8080, {"weight=2"}});
    ASSERT_TRUE(finds(UnorderedElementsAre(first, backend("10.7.0.2", 8080, 2))));
    avahi(2).write_service("two", {"two & a half", kType, 8081, {"weight=2"}});
    ASSERT_TRUE(finds(UnorderedElementsAre(first, backend("10.7.0.2", 8081, 2))));
    avahi(2).write_service("two", {"two & a half", kType, 8081, {"weight=20"}});
    ASSERT_TRUE(finds(UnorderedElementsAre(first, backend("10.7.0.2", 8081, 20))));
    avahi(2).remove_service("two");
    ASSERT_TRUE(finds(ElementsAre(first)));
    one.reset();
    ASSERT_TRUE(finds(IsEmpty()));
    EXPECT_THAT(told_.failures, IsEmpty());
}

TEST_F(ZeroconfSource, FollowsAHostToAnotherAddress) {
    start_avahi();
    avahi(1).write_service("one", {"one", kType, 8080});
    search(spec());
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1"))));
    worker(1).sysctl("net.ipv4.conf.all.promote_secondaries", "1");  // else they go with the first
    worker(1).add_address("eth0", "10.7.0.11/24");
    worker(1).remove_address("eth0", "10.7.0.1/24");
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.11"))));
}

TEST_F(ZeroconfSource, CountsABackendOnceUntilItsLastNameIsGone) {
    start_avahi();
    auto old = std::make_unique<lab::Process>(avahi(1).publish({"old", kType, 8080, {"weight=2"}}));
    auto next = std::make_unique<lab::Process>(avahi(1).publish({"new", kType, 8080, {"weight=5"}}));
    search(spec());
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1", 8080, 5))));
    next.reset();
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1", 8080, 2))));
    old.reset();
    ASSERT_TRUE(finds(IsEmpty()));
}

TEST_F(ZeroconfSource, LooksForOneTypeOnly) {
    start_avahi();
    avahi(1).write_service("udp", {"one", "_weir-test._udp", 53});
    avahi(2).write_service("tcp", {"one", kType, 8080});
    search(spec({{"service", std::string("_weir-test._udp")}}));
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1", 53))));
}

TEST_F(ZeroconfSource, KeepsAllWhileAvahiIsGoneAndThenLetsThoseGoThatAreGone) {
    start_avahi();
    for (unsigned i : {1, 2}) avahi(i).write_service("web", {fmt::format("web {}", i), kType, 8080});
    search(spec({{"settle", 1000ms}}));
    ASSERT_TRUE(finds(UnorderedElementsAre(backend("10.7.0.1"), backend("10.7.0.2"))));
    told_.sets.clear();
    avahi_->stop(SIGTERM);
    ASSERT_TRUE(fails_with("Avahi"));
    avahi(2).remove_service("web");
    avahi_->start();
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1"))));
    EXPECT_THAT(told_.sets, Each(testing::Field(&Set::members, ElementsAre(backend("10.7.0.1")))));

    told_.sets.clear();
    avahi_->stop(SIGKILL);
    ASSERT_TRUE(fails_with("Avahi"));
    avahi(2).write_service("web", {"web 2", kType, 8080});
    avahi_->start();
    ASSERT_TRUE(finds(UnorderedElementsAre(backend("10.7.0.1"), backend("10.7.0.2"))));
    EXPECT_EQ(told_.sets.size(), 1u);
}

TEST_F(ZeroconfSource, KeepsAllWhileTheBusIsGone) {
    start_avahi({}, 1);
    avahi(1).write_service("web", {"web", kType, 8080});
    search(spec({{"settle", 0ms}}));
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1"))));
    told_.sets.clear();
    avahi_->stop_bus();
    ASSERT_TRUE(fails_with("D-Bus"));
    avahi_->stop(SIGTERM);
    avahi_->start_bus();
    ASSERT_TRUE(fails_with("start avahi-daemon"));
    avahi_->start();
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1"))));
    EXPECT_THAT(told_.sets, Each(testing::Field(&Set::members, ElementsAre(backend("10.7.0.1")))));
}

TEST_F(ZeroconfSource, BeginsWhenAvahiDoes) {
    start_avahi({}, 1);
    avahi(1).write_service("web", {"web", kType, 8080});
    avahi_->stop(SIGTERM);
    avahi_->stop_bus();
    search(spec());
    ASSERT_TRUE(fails_with("cannot speak to Avahi over the system's D-Bus"));
    avahi_->start_bus();
    ASSERT_TRUE(fails_with("Avahi is not on the system's D-Bus; start avahi-daemon"));
    avahi_->start();
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1"))));
}

TEST_F(ZeroconfSource, SaysThatThereIsNothing) {
    start_avahi({}, 0);
    search(spec());
    ASSERT_TRUE(finds_something());
    EXPECT_THAT(told_.sets, ElementsAre(Set{}));
}

TEST_F(ZeroconfSource, KeepsWhoDiesWithoutAWordWhileOthersCome) {
    start_avahi();
    avahi(1).write_service("web", {"web 1", kType, 8080});
    search(spec());
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.1"))));
    avahi(1).stop(SIGKILL);
    avahi(2).write_service("web", {"web 2", kType, 8080});
    ASSERT_TRUE(finds(UnorderedElementsAre(backend("10.7.0.1"), backend("10.7.0.2"))));
}

TEST_F(ZeroconfSource, RefusesGarbageAndFindsTheOthers) {
    start_avahi();
    avahi(1).write_service("web", {"web 1", kType, 8080, {"weight=heavy", "a=", "x"}});
    avahi(2).write_service("web", {"web 2", kType, 8080, {"=y", "weight=1e9", "weight=2"}});
    avahi(2).write_service("next", {"web 3", kType, 8083, {std::string(200, 'x'), "weight=2e3"}});
    search(spec());
    ASSERT_TRUE(finds(ElementsAre(backend("10.7.0.2", 8083, 1000))));
    const auto both = UnorderedElementsAre(HasSubstr("web 1: its 'weight' is 'heavy', not a number"),
                                           HasSubstr("web 2: its 'weight' is '1e9', not a number"));
    EXPECT_TRUE(await([&] { return testing::Value(told_.sets.back().refused, both); }))
        << testing::PrintToString(told_.sets.back().refused);
}

class ZeroconfSource6 : public ZeroconfSource {
  protected:
    /// worker-2 has no other IPv6 address than the link-local one.
    void SetUp() override {
        ZeroconfSource::SetUp();
        if (IsSkipped()) return;
        balancer().add_address("eth0", "2001:db8:7::100/64");
        worker(1).add_address("eth0", "2001:db8:7::1/64");
        start_avahi({.ipv6 = true});
        for (unsigned i : {1, 2}) avahi(i).write_service("web", {fmt::format("web {}", i), kType, 8080});
    }
};

TEST_F(ZeroconfSource6, FindsAddressesOfBothProtocols) {
    search(spec());
    ASSERT_TRUE(
        finds(UnorderedElementsAre(backend("10.7.0.1"), backend("10.7.0.2"), backend("2001:db8:7::1"))));
    EXPECT_THAT(told_.sets.back().refused, IsEmpty());
}

TEST_F(ZeroconfSource6, FindsThoseOfIpv4Alone) {
    search(spec({{"protocol", int64_t{4}}}));
    ASSERT_TRUE(finds(UnorderedElementsAre(backend("10.7.0.1"), backend("10.7.0.2"))));
}

TEST_F(ZeroconfSource6, FindsThoseOfIpv6AloneAndRefusesLinkLocalOnes) {
    search(spec({{"protocol", int64_t{6}}}));
    ASSERT_TRUE(finds(ElementsAre(backend("2001:db8:7::1"))));
    EXPECT_THAT(told_.sets.back().refused, ElementsAre(HasSubstr("is of one link only")));
}

TEST_F(ZeroconfSource, WaitsForItsInterfaceAndKeepsAllWhileThatIsDown) {
    start_avahi({.interface = "eth0,eth1"}, 1);
    avahi(1).write_service("web", {"web", kType, 8080});
    search(spec({{"interface", std::string("eth1")}, {"settle", 0ms}}));
    ASSERT_TRUE(fails_with("there is no interface eth1"));
    lab_->lan("switch-2", {&worker(1), &balancer()}, "eth1");
    worker(1).add_address("eth1", "10.8.0.1/24");
    balancer().add_address("eth1", "10.8.0.100/24");
    ASSERT_TRUE(finds(ElementsAre(backend("10.8.0.1"))));
    told_.sets.clear();
    balancer().set_up("eth1", false);
    ASSERT_TRUE(fails_with("interface eth1 is down"));
    balancer().set_up("eth1", true);
    ASSERT_TRUE(finds(ElementsAre(backend("10.8.0.1"))));
    EXPECT_THAT(told_.sets, Each(testing::Field(&Set::members, ElementsAre(backend("10.8.0.1")))));
}

/// BGP and BFD sessions are in the same loop.
TEST_F(ZeroconfSource, IsNoBurdenToTheLoopWhenAvahiHangs) {
    start_avahi({}, 0);
    avahi_->process().kill(SIGSTOP);
    search(spec());
    size_t ticks = 0;
    boost::asio::steady_timer timer(context_);
    std::function<void()> tick = [&] {
        timer.expires_after(10ms);
        timer.async_wait([&](auto) { ++ticks, tick(); });
    };
    tick();
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(await([&] { return ticks == 100; }));
    source_.reset();
    // libavahi-client waits for 25 s.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    EXPECT_THAT(told_.sets, IsEmpty());
    avahi_->process().kill(SIGCONT);
}

}  // namespace
}  // namespace weir::e2e
