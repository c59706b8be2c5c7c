#include <netinet/in.h>

#include <map>

#include "engine/proxy/udp_fixture.h"

namespace weir::engine::proxy {
namespace {

class UdpFrontBy : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, UdpFrontBy, testing::Values("127.0.0.1:1", "[::1]:1"),
                         [](const auto& row) { return *row.param == '[' ? "v6" : "v4"; });

TEST_P(UdpFrontBy, GivesEachClientAnswersOfItsOwnBackend) {
    EchoBackend a("a", GetParam()), b("b", GetParam()), c("c", GetParam());
    UdpProxy proxy(GetParam());
    for (const auto* each : {&a, &b, &c}) proxy.add(each->address);
    proxy.start();
    std::vector<UdpPeer> clients;
    for (int i = 0; i < 60; ++i) clients.push_back(proxy.client(GetParam()));
    std::vector<std::string> seen(clients.size());
    for (int round = 0; round < 30; ++round) {
        for (size_t i = 0; i < clients.size(); ++i)
            ASSERT_TRUE(clients[i].send(fmt::format("{}/{}", i, round)));
        for (size_t i = 0; i < clients.size(); ++i) {
            const auto answer = clients[i].receive();
            ASSERT_TRUE(answer);
            ASSERT_EQ(answer->substr(1), fmt::format("{}/{}", i, round));
            if (seen[i].empty()) seen[i] = answer->substr(0, 1);
            ASSERT_EQ(answer->substr(0, 1), seen[i]);
        }
    }
    std::map<std::string, int> by_backend;
    for (const auto& each : seen) ++by_backend[each];
    EXPECT_EQ(by_backend, (std::map<std::string, int>{{"a", 20}, {"b", 20}, {"c", 20}}));
    EXPECT_EQ(proxy.sessions(), 60u);
    EXPECT_EQ(proxy.of(0).active, 20u);
    EXPECT_EQ(proxy.of(0).in_packets, 20u * 30);
    EXPECT_EQ(proxy.of(0).out_bytes, proxy.of(0).in_bytes + 20 * 30);  // a name in front of each
    EXPECT_EQ(proxy.route.tallies->by_worker[0].in_packets, 60u * 30);
}

TEST_P(UdpFrontBy, CarriesEverySizeWhole) {
    EchoBackend backend("", GetParam());
    UdpProxy proxy(GetParam());
    proxy.add(backend.address);
    proxy.start();
    const auto client = proxy.client(GetParam());
    for (size_t size : {0, 1, 2, 511, 512, 1472, 1473, 9000, 32768, 65000, 65506, 65507}) {
        std::string text(size, 'x');
        for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 256);
        ASSERT_TRUE(client.send(text)) << size;
        const auto answer = client.receive();
        ASSERT_TRUE(answer) << size;
        ASSERT_TRUE(*answer == text) << size;
    }
}

TEST(UdpFront, CarriesDatagramsOfOneSizeByTheHundred) {
    EchoBackend backend("");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.start();
    const auto client = proxy.client();
    size_t next = 0;
    for (int burst = 0; burst < 40; ++burst) {
        for (int i = 0; i < 100; ++i) {
            auto text = fmt::format("{:08}", burst * 100 + i);
            text.resize(i == 99 ? 50 : 1200, '.');
            ASSERT_TRUE(client.send(text));
        }
        for (int i = 0; i < 100; ++i, ++next) {
            const auto answer = client.receive();
            ASSERT_TRUE(answer);
            ASSERT_EQ(answer->substr(0, 8), fmt::format("{:08}", next));
            ASSERT_EQ(answer->size(), i == 99 ? 50u : 1200u);
        }
    }
    EXPECT_EQ(proxy.of(0).in_packets, 4000u);
}

TEST(UdpFront, EndsSessionsThatWereNotUsed) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.udp_timeout = 200ms;
    proxy.start();
    const auto before = open_descriptors();
    {
        const auto client = proxy.client(), other = proxy.client();
        ASSERT_TRUE(client.send("1"));
        ASSERT_TRUE(other.send("1"));
        ASSERT_TRUE(client.receive());
        ASSERT_TRUE(other.receive());
        EXPECT_TRUE(eventually([&] { return proxy.sessions() == 0; }));
        ASSERT_TRUE(client.send("2"));  // that is a new one
        EXPECT_EQ(client.receive(), "a2");
        EXPECT_EQ(proxy.of(0).total, 3u);
    }
    EXPECT_TRUE(eventually([&] { return proxy.sessions() == 0; }));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(proxy.route.budget->connections, 0u);
    EXPECT_EQ(proxy.shared.connections, 0u);
    EXPECT_EQ(proxy.of(0).active, 0u);
    EXPECT_EQ(proxy.refused(Reason::idle), 0u);
}

TEST(UdpFront, EndsASessionWithItsAnswerWhereThatIsAll) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.one_packet = true;
    proxy.start();
    const auto client = proxy.client();
    ASSERT_TRUE(client.send("query"));
    EXPECT_EQ(client.receive(), "aquery");
    EXPECT_TRUE(eventually([&] { return proxy.sessions() == 0; }));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.send("more"));  // each has its answer all the same
    for (int i = 0; i < 20; ++i) EXPECT_EQ(client.receive(), "amore");
    EXPECT_TRUE(eventually([&] { return proxy.sessions() == 0; }));
}

TEST(UdpFront, EndsASessionWithoutAnswerAfterItsTime) {
    EchoBackend silent("", "127.0.0.1:1", 0);
    UdpProxy proxy;
    proxy.add(silent.address);
    proxy.route.settings.one_packet = true;
    proxy.route.settings.udp_timeout = 50ms;
    proxy.start();
    const auto client = proxy.client();
    ASSERT_TRUE(client.send("query"));
    EXPECT_TRUE(eventually([&] { return proxy.refused(Reason::idle) == 1; }));
    EXPECT_EQ(proxy.sessions(), 0u);
}

TEST(UdpFront, TurnsToTheNextBackendWhenOneRefuses) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(UdpPeer(endpoint("127.0.0.1:1")).address);  // nobody is there any more
    proxy.add(backend.address);
    std::atomic<int> failures{0};
    proxy.shared.on_failure = [&] { ++failures; };
    proxy.start();
    for (int i = 0; i < 10; ++i) {
        const auto client = proxy.client();
        EXPECT_TRUE(eventually([&] {
            client.send("x");
            return client.receive(20ms) == "ax";
        }));
    }
    EXPECT_GE(failures, 1);
    EXPECT_EQ(proxy.of(0).failed, static_cast<uint64_t>(failures.load()));
    EXPECT_EQ(proxy.of(0).in_a_row, proxy.of(0).failed);
    EXPECT_EQ(proxy.of(1).failed, 0u);
    EXPECT_EQ(proxy.of(0).active, 0u);
}

TEST_P(UdpFrontBy, TellsTheClientThatNobodyListens) {
    UdpProxy proxy(GetParam());
    proxy.add(UdpPeer(endpoint(GetParam())).address);
    proxy.start();
    if (!UniqueFd(::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))) GTEST_SKIP() << "needs CAP_NET_RAW";
    const auto client = proxy.client(GetParam());
    ASSERT_TRUE(client.send("x"));
    EXPECT_FALSE(client.receive());
    EXPECT_EQ(errno, ECONNREFUSED);
}

TEST(UdpFront, FindsABackendThatIsBack) {
    const auto address = UdpPeer(endpoint("127.0.0.1:1")).address;
    UdpProxy proxy;
    proxy.add(address);
    proxy.start();
    const auto client = proxy.client();
    client.send("x");
    EXPECT_TRUE(eventually([&] { return proxy.of(0).failed > 0; }));
    EchoBackend backend("a", address.text());
    EXPECT_TRUE(eventually([&] {
        client.send("x");
        return client.receive(20ms) == "ax";
    }));
    EXPECT_EQ(proxy.of(0).in_a_row, 0u);
}

TEST(UdpFront, CountsWhatNobodyTakes) {
    UdpProxy proxy;
    proxy.start();
    const auto client = proxy.client();
    for (int i = 0; i < 5; ++i) client.send("x");
    EXPECT_TRUE(eventually([&] { return proxy.refused(Reason::no_backend) == 5; }));
    EXPECT_EQ(proxy.sessions(), 0u);
    EchoBackend backend("a");
    proxy.add(backend.address);
    proxy.route.targets[0].max_connections = 1;
    proxy.set();
    client.send("y");
    EXPECT_EQ(client.receive(), "ay");
    proxy.client().send("z");
    EXPECT_TRUE(eventually([&] { return proxy.refused(Reason::backends_full) == 1; }));
}

TEST(UdpFront, HasNoMoreSessionsThanItMay) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.udp_sessions = 3;
    proxy.start();
    std::vector<UdpPeer> talking;
    for (int i = 0; i < 3; ++i) {
        talking.push_back(proxy.client());
        for (int each = 0; each < 2; ++each) {
            talking.back().send("x");
            ASSERT_EQ(talking.back().receive(), "ax");
        }
    }
    const auto late = proxy.client();
    late.send("x");
    EXPECT_TRUE(eventually([&] { return proxy.refused(Reason::service_full) == 1; }));
    EXPECT_EQ(proxy.sessions(), 3u);
    for (const auto& each : talking) {
        each.send("y");
        EXPECT_EQ(each.receive(), "ay");
    }
}

TEST(UdpFront, LetsASessionOfOneDatagramGiveWay) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.udp_sessions = 2;
    proxy.start();
    const auto talks = proxy.client(), once = proxy.client(), late = proxy.client();
    for (int i = 0; i < 2; ++i) {
        talks.send("x");
        ASSERT_EQ(talks.receive(), "ax");
    }
    once.send("x");
    ASSERT_EQ(once.receive(), "ax");
    EXPECT_TRUE(eventually([&] {
        late.send("x");
        return late.receive(20ms) == "ax";
    }));
    EXPECT_GT(proxy.refused(Reason::service_full), 0u);  // at first the others were too young
    EXPECT_EQ(proxy.sessions(), 2u);
    talks.send("y");
    EXPECT_EQ(talks.receive(), "ay");
    EXPECT_EQ(backend.received, 5u);
    EXPECT_EQ(proxy.of(0).total, 3u);
}

TEST(UdpFront, RespectsTheLimitOfAllServices) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.shared.max_connections = 1;
    proxy.start();
    const auto client = proxy.client(), late = proxy.client();
    client.send("x");
    ASSERT_EQ(client.receive(), "ax");
    late.send("x");
    EXPECT_TRUE(eventually([&] { return proxy.refused(Reason::engine_full) == 1; }));
    EXPECT_EQ(proxy.shared.connections, 1u);
    EXPECT_EQ(proxy.route.budget->connections, 1u);
}

TEST(UdpFront, SharesClientsAndTheLimitAmongWorkers) {
    EchoBackend backend("a");
    UdpProxy one, other;
    one.add(backend.address);
    one.route.tallies = std::make_shared<Tallies>(2);
    one.route.targets[0].tallies = std::make_shared<Tallies>(2);
    one.route.settings.udp_sessions = 40;
    other.route = one.route;
    other.worker = 1;
    one.start();
    other.start();
    std::vector<UdpPeer> clients;
    size_t served = 0;
    for (int i = 0; i < 60; ++i) {
        clients.push_back(one.client());
        for (int each = 0; each < 2; ++each) clients.back().send("x");  // it talks, and gives way to nobody
    }
    EXPECT_TRUE(eventually(
        [&] { return one.refused(Reason::service_full) + other.refused(Reason::service_full) == 20 * 2; }));
    EXPECT_TRUE(eventually([&] {
        for (const auto& each : clients)
            while (each.receive(0ms) == "ax") ++served;
        return served == 40 * 2;
    }));
    EXPECT_EQ(one.sessions(), 40u);
    EXPECT_GT(one.route.tallies->by_worker[0].active, 0u);
    EXPECT_GT(one.route.tallies->by_worker[1].active, 0u);
}

TEST(UdpFront, KeepsSessionsWhoseBackendTakesNothingNew) {
    EchoBackend a("a"), b("b");
    UdpProxy proxy;
    proxy.add(a.address);
    proxy.start();
    const auto client = proxy.client();
    client.send("1");
    ASSERT_EQ(client.receive(), "a1");
    proxy.route.targets[0].weight = 0;
    proxy.add(b.address);
    proxy.set();
    client.send("2");
    EXPECT_EQ(client.receive(), "a2");
    const auto other = proxy.client();
    other.send("3");
    EXPECT_EQ(other.receive(), "b3");
    proxy.route.targets[0].keeps = false;
    proxy.set();
    EXPECT_EQ(proxy.refused(Reason::backend_removed), 1u);
    EXPECT_EQ(proxy.of(0).active, 0u);
    client.send("4");
    EXPECT_EQ(client.receive(), "b4");
    proxy.route.targets.clear();
    proxy.set();
    EXPECT_EQ(proxy.refused(Reason::backend_removed), 3u);
    EXPECT_EQ(proxy.sessions(), 0u);
}

TEST(UdpFront, LeavesWhenItsLastSessionHasEnded) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.udp_timeout = 300ms;
    proxy.start();
    const auto client = proxy.client(), late = proxy.client();
    client.send("1");
    ASSERT_EQ(client.receive(), "a1");
    std::atomic<bool> done = false;
    proxy.in_loop([&] {
        proxy.front->leave([&] {
            proxy.front.reset();
            done = true;
        });
    });
    client.send("2");
    EXPECT_EQ(client.receive(), "a2");
    late.send("x");
    EXPECT_TRUE(eventually([&] { return done.load(); }));
    EXPECT_EQ(proxy.refused(Reason::no_backend), 1u);
    EXPECT_EQ(proxy.sessions(), 0u);
    EXPECT_EQ(proxy.shared.connections, 0u);
    UdpPeer free(proxy.address());  // the port
}

TEST(UdpFront, LeavesAtOnceWithoutSessions) {
    UdpProxy proxy;
    proxy.start();
    std::promise<void> done;
    proxy.in_loop([&] { proxy.front->leave([&] { done.set_value(); }); });
    EXPECT_EQ(done.get_future().wait_for(30s), std::future_status::ready);
}

TEST(UdpFront, DropsWhatIsAboveTheBandwidth) {
    EchoBackend backend("");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.budget->to_backends.set(1000);  // holds 64 KiB
    proxy.start();
    const auto client = proxy.client();
    for (int i = 0; i < 200; ++i) client.send(std::string(1000, 'x'));
    EXPECT_TRUE(eventually([&] { return backend.received + proxy.refused(Reason::over_rate) == 200; }));
    EXPECT_GE(backend.received, 50u);
    EXPECT_GE(proxy.refused(Reason::over_rate), 100u);
    client.send("");  // costs nothing
    EXPECT_TRUE(eventually([&] { return client.receive(0ms) == ""; }));
}

TEST(UdpFront, SaysWhyItCannotListen) {
    UdpProxy proxy;
    proxy.route.key.more_ports = 5;
    auto loop = Loop::make().value();
    auto ranged = open_udp({*loop, 0, proxy.shared}, std::make_shared<Route>(proxy.route));
    ASSERT_FALSE(ranged);
    EXPECT_NE(ranged.error().message.find("one port"), std::string::npos) << ranged.error().message;
    proxy.route.key.more_ports = 0;
    UdpPeer other(proxy.address());  // without SO_REUSEPORT
    auto taken = open_udp({*loop, 0, proxy.shared}, std::make_shared<Route>(proxy.route));
    ASSERT_FALSE(taken);
    EXPECT_NE(taken.error().message.find(proxy.address().text()), std::string::npos);
}

}  // namespace
}  // namespace weir::engine::proxy
