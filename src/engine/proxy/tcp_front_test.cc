#include <fcntl.h>
#include <sys/resource.h>

#include "engine/proxy/tcp_fixture.h"

namespace weir::engine::proxy {
namespace {

TEST_F(TcpFrontTest, CarriesBytesBothWays) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("hello"));
    EXPECT_EQ(server.hear(5), "hello");
    EXPECT_TRUE(server.say("good day"));
    EXPECT_EQ(client.hear(8), "good day");
    EXPECT_TRUE(holds_soon([&] { return tally(0).out_bytes == 8; }));
    EXPECT_EQ(tally(0).in_bytes, 5U);
    EXPECT_EQ(tally(0).in_packets, 1U);
    EXPECT_EQ(tally(0).active, 1U);
    EXPECT_EQ(tally(0).total, 1U);
    EXPECT_EQ(route.tallies->by_worker[0].in_bytes, 5U);
    EXPECT_EQ(route.tallies->by_worker[0].out_bytes, 8U);
}

TEST_F(TcpFrontTest, CarriesFromIpv6ToIpv4) {
    Backend backend;
    route.key.vip = *net::Ip::parse("::1");
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("hello"));
    EXPECT_EQ(server.hear(5), "hello");
}

TEST_F(TcpFrontTest, CarriesFromIpv4ToIpv6) {
    Backend backend("::1");
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(server.say("first"));
    EXPECT_EQ(client.hear(5), "first");
}

TEST_F(TcpFrontTest, PassesTheClientsEndOnWhileTheBackendStillTalks) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("all of it"));
    client.end();
    EXPECT_EQ(server.hear(100), "all of it");
    EXPECT_TRUE(server.say("one"));
    EXPECT_EQ(client.hear(3), "one");
    EXPECT_TRUE(server.say("two"));
    EXPECT_EQ(client.hear(3), "two");
    EXPECT_EQ(connections(), 1U);
    server.end();
    EXPECT_EQ(client.how_it_ends(), 0);
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
}

TEST_F(TcpFrontTest, PassesTheBackendsEndOnWhileTheClientStillTalks) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(server.say("all of it"));
    server.end();
    EXPECT_EQ(client.hear(100), "all of it");
    EXPECT_TRUE(client.say("thanks"));
    EXPECT_EQ(server.hear(6), "thanks");
    client.close();
    EXPECT_EQ(server.how_it_ends(), 0);
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
}

TEST_F(TcpFrontTest, PassesAResetOfTheClientOn) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("x"));
    EXPECT_EQ(server.hear(1), "x");
    client.reset();
    EXPECT_EQ(server.how_it_ends(), ECONNRESET);
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
}

TEST_F(TcpFrontTest, PassesAResetOfTheBackendOn) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(server.say("x"));
    EXPECT_EQ(client.hear(1), "x");
    server.reset();
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
}

TEST_F(TcpFrontTest, PassesAResetOnAfterAnEnd) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    client.end();
    EXPECT_EQ(server.how_it_ends(), 0);
    server.reset();
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
}

TEST_F(TcpFrontTest, EndsWithAClientThatGoesBeforeTheBackendHasAnswered) {
    Backend full("127.0.0.1", 0);
    auto one = Peer::to(full.endpoint());  // has the one place
    open_before(full);
    auto client = Peer::to(where);
    ASSERT_TRUE(holds_soon([&] { return tally(0).active == 1; }));
    client.reset();
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
    EXPECT_EQ(tally(0).failed, 0U);
}

TEST_F(TcpFrontTest, EndsAllWithItself) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    ASSERT_TRUE(holds_soon([&] { return tally(0).total == 1; }));
    in_loop([&] { front.reset(); });
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(server.how_it_ends(), ECONNRESET);
}

TEST_F(TcpFrontTest, LeavesWhenItsLastConnectionHasEnded) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    ASSERT_TRUE(holds_soon([&] { return tally(0).total == 1; }));
    std::atomic<bool> has_left = false;
    in_loop([&] { front->leave([&] { has_left = true; }); });
    EXPECT_TRUE(client.say("still here"));
    EXPECT_EQ(server.hear(10), "still here");
    auto address = net::to_socket_address(where);
    Peer late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_NE(::connect(late.get(), address.get(), address.size), 0);
    EXPECT_FALSE(has_left);
    client.close();
    server.close();
    EXPECT_TRUE(holds_soon([&] { return has_left.load(); }));
}

TEST_F(TcpFrontTest, LeavesAtOnceWithoutConnections) {
    Backend backend;
    open_before(backend);
    std::promise<void> left;
    in_loop([&] {
        front->leave([&] {
            front.reset();
            left.set_value();
        });
    });
    EXPECT_EQ(left.get_future().wait_for(30s), std::future_status::ready);
}

TEST_F(TcpFrontTest, SharesItsAddressWithAnother) {
    Backend backend;
    open_before(backend);
    route.key.port = where.port;
    auto second = in_loop(
        [&] { return TcpFront::open(Around{*loop, 0, shared}, std::make_shared<const Route>(route)); });
    EXPECT_TRUE(second);
    in_loop([&] { second->reset(); });
}

TEST_F(TcpFrontTest, SaysWhereItCannotListen) {
    Peer other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto at = net::to_socket_address({*net::Ip::parse("127.0.0.1"), net::Port(0)});
    ASSERT_EQ(::bind(other.get(), at.get(), at.size), 0);
    ASSERT_EQ(::listen(other.get(), 1), 0);
    route.key.port = local_endpoint(other.get())->port;
    auto opened = in_loop(
        [&] { return TcpFront::open(Around{*loop, 0, shared}, std::make_shared<const Route>(route)); });
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().message.starts_with("cannot listen on 127.0.0.1:")) << opened.error().message;
}

// ---- backends that do not take it

TEST_F(TcpFrontTest, TriesTheNextBackend) {
    auto gone = Backend().endpoint();
    Backend backend;
    add(gone);
    std::atomic<int> failures = 0;
    shared.on_failure = [&] { ++failures; };
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("hello"));
    EXPECT_EQ(server.hear(5), "hello");
    EXPECT_EQ(tally(0).failed, 1U);
    EXPECT_EQ(tally(0).in_a_row, 1U);
    EXPECT_EQ(tally(0).active, 0U);
    EXPECT_EQ(tally(1).total, 1U);
    EXPECT_EQ(failures, 1);
    EXPECT_EQ(refused(Reason::connect_failed), 0U);
}

TEST_F(TcpFrontTest, TriesTheNextBackendWhereOneDoesNotAnswer) {
    Backend full("127.0.0.1", 0);
    auto one = Peer::to(full.endpoint());
    Backend backend;
    add(full.endpoint());
    route.settings.connect_timeout = 50ms;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("hello"));
    EXPECT_EQ(server.hear(5), "hello");
    EXPECT_EQ(tally(0).failed, 1U);
}

TEST_F(TcpFrontTest, RefusesWhenNoBackendTakesIt) {
    for (int i = 0; i < 4; ++i) add(Backend().endpoint());
    route.settings.retries = 2;
    open();
    auto client = Peer::to(where);
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::connect_failed), 1U);
    uint64_t failed = 0;
    for (size_t i = 0; i < 4; ++i) failed += tally(i).failed;
    EXPECT_EQ(failed, 3U);
    EXPECT_EQ(route.tallies->by_worker[0].failed, 3U);
}

TEST_F(TcpFrontTest, ForgetsFailuresWhenTheBackendTakesOne) {
    Backend backend;
    add(backend.endpoint());
    route.targets[0].tallies->by_worker[0].in_a_row = 7;
    open();
    auto client = Peer::to(where);
    EXPECT_TRUE(holds_soon([&] { return tally(0).total == 1; }));
    EXPECT_EQ(tally(0).in_a_row, 0U);
}

// ---- room

TEST_F(TcpFrontTest, WaitsForABackend) {
    Backend backend;
    open();
    auto client = Peer::to(where);
    EXPECT_TRUE(client.say("early"));
    ASSERT_TRUE(holds_soon([&] { return waiting() == 1; }));
    EXPECT_EQ(shared.connections, 0U);
    add(backend.endpoint());
    set();
    auto server = backend.accept();
    EXPECT_EQ(server.hear(5), "early");
}

TEST_F(TcpFrontTest, RefusesWhenNoBackendHasComeInTime) {
    route.settings.queue_timeout = 50ms;
    open();
    auto client = Peer::to(where);
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::no_backend), 1U);
}

TEST_F(TcpFrontTest, ForgetsAClientThatLeavesTheQueue) {
    open();
    auto client = Peer::to(where);
    ASSERT_TRUE(holds_soon([&] { return waiting() == 1; }));
    client.reset();
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
    EXPECT_EQ(waiting(), 0U);
}

TEST_F(TcpFrontTest, KeepsTheLimitOfItsServiceInTurn) {
    Backend backend;
    route.settings.max_connections = 1;
    open_before(backend);
    auto first = Peer::to(where);
    auto server = backend.accept();
    auto second = Peer::to(where);
    ASSERT_TRUE(holds_soon([&] { return waiting() == 1; }));
    auto third = Peer::to(where);
    ASSERT_TRUE(holds_soon([&] { return waiting() == 2; }));
    EXPECT_TRUE(second.say("2"));
    EXPECT_TRUE(third.say("3"));
    EXPECT_FALSE(backend.is_called());
    first.reset();
    auto next = backend.accept();
    EXPECT_EQ(next.hear(1), "2");
    second.reset();
    EXPECT_EQ(backend.accept().hear(1), "3");
}

TEST_F(TcpFrontTest, RefusesWhereTheServiceIsFull) {
    Backend backend;
    route.settings.max_connections = 1;
    route.settings.queue_timeout = 50ms;
    open_before(backend);
    auto first = Peer::to(where);
    auto server = backend.accept();
    EXPECT_EQ(Peer::to(where).how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::service_full), 1U);
}

TEST_F(TcpFrontTest, RefusesWhereTheEngineIsFull) {
    Backend backend;
    shared.max_connections = 1;
    route.settings.queue_timeout = 50ms;
    open_before(backend);
    auto first = Peer::to(where);
    auto server = backend.accept();
    EXPECT_EQ(Peer::to(where).how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::engine_full), 1U);
}

TEST_F(TcpFrontTest, FindsRoomThatOthersLeave) {
    Backend backend;
    shared.max_connections = 1;
    shared.connections = 1;  // another worker's
    open_before(backend);
    auto client = Peer::to(where);
    ASSERT_TRUE(holds_soon([&] { return waiting() == 1; }));
    --shared.connections;
    auto server = backend.accept();
    EXPECT_TRUE(client.say("x"));
    EXPECT_EQ(server.hear(1), "x");
}

TEST_F(TcpFrontTest, RefusesWhereEveryBackendIsFull) {
    Backend backend;
    add(backend.endpoint());
    route.targets[0].max_connections = 1;
    route.settings.queue_timeout = 50ms;
    open();
    auto first = Peer::to(where);
    auto server = backend.accept();
    EXPECT_EQ(Peer::to(where).how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::backends_full), 1U);
}

// ---- changes

TEST_F(TcpFrontTest, EndsWhatItsBackendMayNotKeep) {
    Backend removed;
    Backend kept;
    add(removed.endpoint());
    open();
    auto first = Peer::to(where);
    auto server = removed.accept();
    add(kept.endpoint());
    route.targets[0].weight = 0;
    set();
    auto second = Peer::to(where);
    auto other = kept.accept();
    ASSERT_TRUE(holds_soon([&] { return tally(1).total == 1; }));
    route.targets[0].keeps = false;
    set();
    EXPECT_EQ(first.how_it_ends(), ECONNRESET);
    EXPECT_EQ(server.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::backend_removed), 1U);
    EXPECT_TRUE(second.say("x"));
    EXPECT_EQ(other.hear(1), "x");
}

TEST_F(TcpFrontTest, KeepsWhatABackendHasThatIsGone) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    ASSERT_TRUE(holds_soon([&] { return tally(0).total == 1; }));
    auto gone = std::exchange(route.targets, {});
    set();
    EXPECT_TRUE(client.say("x"));
    EXPECT_EQ(server.hear(1), "x");
    route.targets = gone;
}

// ---- descriptors

TEST_F(TcpFrontTest, LooksAwayForAWhileWhereDescriptorsRunOut) {
    Backend backend;
    open_before(backend);
    Peer client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit low{.rlim_cur = 256, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    std::vector<UniqueFd> all;
    while (all.emplace_back(::dup(0))) {
    }

    auto address = net::to_socket_address(where);
    EXPECT_EQ(::connect(client.get(), address.get(), address.size), 0);
    EXPECT_TRUE(client.say("patient"));
    clockid_t clock{};
    in_loop([&] { ::pthread_getcpuclockid(::pthread_self(), &clock); });
    EXPECT_TRUE(holds_soon([&] { return refused(Reason::no_descriptors) >= 1; }));
    timespec used{};
    ::clock_gettime(clock, &used);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(holds_soon([&] { return refused(Reason::no_descriptors) >= 4; }));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    timespec now{};
    ::clock_gettime(clock, &now);
    const double busy =
        static_cast<double>(now.tv_sec - used.tv_sec) + static_cast<double>(now.tv_nsec - used.tv_nsec) / 1e9;
    EXPECT_LT(busy, took.count() / 4);

    all.clear();
    ::setrlimit(RLIMIT_NOFILE, &before);
    auto server = backend.accept();
    EXPECT_EQ(server.hear(7), "patient");
}

TEST_F(TcpFrontTest, RefusesWhatHasNoDescriptorForItsBackend) {
    Backend backend;
    open_before(backend);
    Peer client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit low{.rlim_cur = 256, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    std::vector<UniqueFd> all;
    while (all.emplace_back(::dup(0))) {
    }
    all.pop_back();
    all.pop_back();  // one is free

    auto address = net::to_socket_address(where);
    EXPECT_EQ(::connect(client.get(), address.get(), address.size), 0);
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::no_descriptors), 1U);
    EXPECT_EQ(tally(0).failed, 0U);
    all.clear();
    ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace weir::engine::proxy
