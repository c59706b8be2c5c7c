// What the relays of a TCP front carry, how fast, for how long, and what they say of it.
#include <fcntl.h>

#include <algorithm>

#include "engine/proxy/tcp_fixture.h"
#include "proto/proxy_header.h"

namespace weir::engine::proxy {
namespace {

using std::chrono::steady_clock;

// ---- bulk

/// Whether pipes may be used.
class TcpBulkTest : public TcpFrontTest, public testing::WithParamInterface<bool> {
  protected:
    void SetUp() override {
        TcpFrontTest::SetUp();
        shared.pipe_size = GetParam() ? 1 << 20 : 0;
    }
};
INSTANTIATE_TEST_SUITE_P(Ways, TcpBulkTest, testing::Values(true, false),
                         [](const auto& way) { return way.param ? "Spliced" : "Copied"; });

TEST_P(TcpBulkTest, CarriesItUnchangedBothWaysAtOnce) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    const auto up = some_bytes(64 << 20, 1);
    const auto down = some_bytes(64 << 20, 2);
    std::jthread client_talks([&] {
        EXPECT_TRUE(client.say(up));
        client.end();
    });
    std::jthread server_talks([&] {
        EXPECT_TRUE(server.say(down));
        server.end();
    });
    std::jthread client_hears([&] { EXPECT_TRUE(client.hear(down.size() + 1) == down); });
    EXPECT_TRUE(server.hear(up.size() + 1) == up);
    client_hears.join();
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
    EXPECT_EQ(tally(0).in_bytes, up.size());
    EXPECT_EQ(tally(0).out_bytes, down.size());
    EXPECT_EQ(in_loop([] { return Workbench::of_this_thread()->pipes.kept() > 0; }), GetParam());
}

TEST_P(TcpBulkTest, HoldsLittleWhereNobodyReads) {
    Backend backend;
    const int small = 65536;
    ::setsockopt(backend.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
    const auto piece = some_bytes(1 << 16);
    size_t sent = 0;
    int stuck = 0;
    while (stuck < 200) {  // it has not taken anything for so many looks
        const ssize_t more = ::send(client.get(), piece.data() + sent % piece.size(),
                                    piece.size() - sent % piece.size(), MSG_NOSIGNAL);
        sent += static_cast<size_t>(std::max<ssize_t>(more, 0));
        stuck = more > 0 ? 0 : stuck + 1;
        if (more <= 0) std::this_thread::sleep_for(1ms);
        ASSERT_LT(sent, size_t{64} << 20);
    }
    client.end();

    std::string all;
    while (all.size() < sent + 1) {
        auto more = server.hear(std::min<size_t>(1 << 16, sent + 1 - all.size()));
        if (more.empty()) break;
        all += more;
    }
    ASSERT_EQ(all.size(), sent);
    for (size_t at = 0; at < all.size(); at += piece.size())
        ASSERT_TRUE(all.compare(at, piece.size(), piece, 0, std::min(piece.size(), all.size() - at)) == 0)
            << at;
}

TEST_P(TcpBulkTest, DropsWhatItHoldsWithAReset) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
    const auto piece = some_bytes(1 << 20);
    for (int stuck = 0; stuck < 100;) {
        if (::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) > 0) continue;
        ++stuck;
        std::this_thread::sleep_for(1ms);
    }
    client.reset();
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
    EXPECT_EQ(in_loop([] { return Workbench::of_this_thread()->pipes.out(); }), 0U);
}

TEST_P(TcpBulkTest, GoesBackToShortMessages) {
    Backend backend;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    const auto bulk = some_bytes(8 << 20);
    for (int round = 0; round < 3; ++round) {
        std::jthread talks([&] { EXPECT_TRUE(client.say(bulk)); });
        EXPECT_TRUE(server.hear(bulk.size()) == bulk);
        for (int i = 0; i < 50; ++i) {
            const auto word = some_bytes(static_cast<size_t>(i) + 1, static_cast<uint32_t>(i));
            ASSERT_TRUE(client.say(word));
            ASSERT_EQ(server.hear(word.size()), word);
            ASSERT_TRUE(server.say(word));
            ASSERT_EQ(client.hear(word.size()), word);
        }
    }
    EXPECT_EQ(in_loop([] { return Workbench::of_this_thread()->pipes.out(); }), 0U);
}

// ---- time

TEST_F(TcpFrontTest, EndsWhatIsIdle) {
    Backend backend;
    route.settings.idle_timeout = 100ms;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_TRUE(client.say("x"));
    EXPECT_EQ(server.hear(1), "x");
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(server.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::idle), 1U);
}

TEST_F(TcpFrontTest, EndsWhatIsAsOldAsItMayBe) {
    Backend backend;
    route.settings.lifetime = 200ms;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    while (client.say("x")) std::this_thread::sleep_for(1ms);  // never idle
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
    EXPECT_EQ(refused(Reason::lifetime), 1U);
    EXPECT_EQ(refused(Reason::idle), 0U);
}

TEST_F(TcpFrontTest, KeepsWhatTalksNowAndThen) {
    Backend backend;
    route.settings.idle_timeout = 2000ms;
    open_before(backend);
    auto quiet = Peer::to(where);
    auto quiet_server = backend.accept();
    auto client = Peer::to(where);
    auto server = backend.accept();
    while (refused(Reason::idle) == 0) {
        ASSERT_TRUE(client.say("x"));
        ASSERT_EQ(server.hear(1), "x");
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(quiet.how_it_ends(), ECONNRESET);
    EXPECT_TRUE(client.say("y"));
    EXPECT_EQ(server.hear(1), "y");
}

// ---- rates

/// How long so many bytes from the client take.
double seconds_for(const Peer& client, const Peer& server, size_t size) {
    const auto bytes = some_bytes(size);
    const auto start = steady_clock::now();
    std::jthread talks([&] { EXPECT_TRUE(client.say(bytes)); });
    EXPECT_TRUE(server.hear(size) == bytes);
    return std::chrono::duration<double>(steady_clock::now() - start).count();
}

TEST_F(TcpFrontTest, KeepsTheRateOfItsService) {
    Backend backend;
    route.budget->to_backends.set(10'000'000);  // holds a tenth of it
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    for (int i = 0; i < 3; ++i) EXPECT_GT(seconds_for(client, server, 5'000'000), 0.3);
}

TEST_F(TcpFrontTest, KeepsTheRateOfEachConnection) {
    Backend backend;
    route.settings.connection_bandwidth = 5'000'000;
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_GT(seconds_for(client, server, 2'500'000), 0.3);
    EXPECT_GT(seconds_for(server, client, 2'500'000), 0.3);
    EXPECT_TRUE(client.say("x"));
    EXPECT_EQ(server.hear(1), "x");
}

TEST_F(TcpFrontTest, KeepsBothRatesAtOnce) {
    Backend backend;
    route.settings.connection_bandwidth = 50'000'000;
    route.budget->to_backends.set(5'000'000);
    open_before(backend);
    auto client = Peer::to(where);
    auto server = backend.accept();
    EXPECT_GT(seconds_for(client, server, 2'500'000), 0.3);
}

TEST_F(TcpFrontTest, SharesTheRateFairly) {
    constexpr size_t kClients = 8;
    Backend backend;
    route.budget->to_backends.set(8'000'000);
    open_before(backend);
    std::vector<Peer> clients;
    std::vector<Peer> servers;
    for (size_t i = 0; i < kClients; ++i) {
        clients.push_back(Peer::to(where));
        servers.push_back(backend.accept());
        ::fcntl(clients[i].get(), F_SETFL, O_NONBLOCK);
        ::fcntl(servers[i].get(), F_SETFL, O_NONBLOCK);
    }
    std::vector<size_t> got(kClients);
    std::string piece(1 << 16, 'x');
    size_t sum = 0;
    while (sum < 6'000'000) {
        for (size_t i = 0; i < kClients; ++i) {
            [[maybe_unused]] auto sent = ::send(clients[i].get(), piece.data(), piece.size(), MSG_NOSIGNAL);
            const ssize_t more = ::recv(servers[i].get(), piece.data(), piece.size(), 0);
            ASSERT_TRUE(more > 0 || (more < 0 && errno == EAGAIN));
            got[i] += static_cast<size_t>(std::max<ssize_t>(more, 0));
            sum += static_cast<size_t>(std::max<ssize_t>(more, 0));
        }
        std::this_thread::sleep_for(100us);
    }
    EXPECT_GT(*std::ranges::min_element(got) * 2, *std::ranges::max_element(got));
}

// ---- PROXY headers

TEST_F(TcpFrontTest, TellsTheBackendWhoItsClientIs) {
    Backend backend;
    route.settings.send_header = model::ProxyHeader::v1;
    open_before(backend);
    auto client = Peer::to(where);
    const auto mine = *local_endpoint(client.get());
    const auto line =
        fmt::format("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", mine.port.value(), where.port.value());
    auto server = backend.accept();
    EXPECT_TRUE(client.say("hello"));
    EXPECT_EQ(server.hear(line.size() + 5), line + "hello");
    EXPECT_TRUE(holds_soon([&] { return tally(0).in_bytes == 5; }));
}

TEST_F(TcpFrontTest, HandsOnWhatAHeaderSays) {
    Backend backend;
    route.settings.accept_header = true;
    route.settings.send_header = model::ProxyHeader::v2;
    open_before(backend);
    auto client = Peer::to(where);
    const proto::ProxyEnds ends{*net::Endpoint::parse("[2001:db8::7]:4711"),
                                *net::Endpoint::parse("[2001:db8::1]:443")};
    const std::string line = "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n";
    EXPECT_TRUE(client.say(line.substr(0, 10)));
    ASSERT_TRUE(holds_soon([&] { return connections() == 1; }));
    EXPECT_FALSE(backend.is_called());
    EXPECT_TRUE(client.say(line.substr(10) + "hello"));
    auto server = backend.accept();
    const auto header = proto::write_proxy_v2(ends, proto::ProxyTransport::stream);
    EXPECT_EQ(server.hear(header.size() + 5), std::string(header.begin(), header.end()) + "hello");
}

TEST_F(TcpFrontTest, RefusesWhatIsNoHeader) {
    route.settings.accept_header = true;
    open();
    auto client = Peer::to(where);
    EXPECT_TRUE(client.say("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::bad_header), 1U);
}

TEST_F(TcpFrontTest, RefusesAHeaderThatIsCutOff) {
    route.settings.accept_header = true;
    open();
    auto client = Peer::to(where);
    EXPECT_TRUE(client.say("PROXY TCP4 192"));
    client.end();
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::bad_header), 1U);
}

TEST_F(TcpFrontTest, RefusesAHeaderThatDoesNotComeInTime) {
    route.settings.accept_header = true;
    route.settings.connect_timeout = 50ms;
    open();
    auto client = Peer::to(where);
    EXPECT_EQ(client.how_it_ends(), ECONNRESET);
    EXPECT_EQ(refused(Reason::bad_header), 1U);
}

// ---- sockets

TEST_F(TcpFrontTest, ShowsTheClientsAddressToTheBackend) {
    Backend backend;
    route.settings.transparent = true;
    open_before(backend);
    const auto mine = *net::Ip::parse("127.0.0.77");
    auto client = Peer::to(where, mine);
    auto server = backend.accept();
    if (server.get() < 0) GTEST_SKIP() << "needs CAP_NET_ADMIN";
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    ASSERT_EQ(::getpeername(server.get(), reinterpret_cast<sockaddr*>(&from), &size), 0);
    EXPECT_EQ(net::from_socket_address(from)->address, mine);
    EXPECT_TRUE(client.say("x"));
    EXPECT_EQ(server.hear(1), "x");
}

TEST_F(TcpFrontTest, LosesAndDoublesNothingWithFastOpen) {
    Backend backend;
    const int waiting = 16;
    ::setsockopt(backend.get(), IPPROTO_TCP, TCP_FASTOPEN, &waiting, sizeof waiting);
    auto gone = Backend().endpoint();
    add(gone);
    route.settings.fast_open = true;
    route.settings.send_header = model::ProxyHeader::v1;
    open_before(backend);
    for (int i = 0; i < 20; ++i) {  // the first ones ask for the cookie
        auto client = Peer::to(where);
        const auto word = some_bytes(static_cast<size_t>(1000 * i), static_cast<uint32_t>(i));
        EXPECT_TRUE(client.say(word));
        client.end();
        auto server = backend.accept();
        const auto heard = server.hear(100000);
        const auto end = heard.find("\r\n");
        ASSERT_NE(end, std::string::npos);
        EXPECT_TRUE(heard.starts_with("PROXY TCP4 127.0.0.1 "));
        EXPECT_TRUE(heard.substr(end + 2) == word) << i;
    }
    EXPECT_EQ(tally(0).failed, 20U);
    EXPECT_EQ(tally(1).total, 20U);
}

TEST_F(TcpFrontTest, LetsTheBackendSpeakFirstWithFastOpen) {
    Backend backend;
    const int waiting_ones = 16;
    ::setsockopt(backend.get(), IPPROTO_TCP, TCP_FASTOPEN, &waiting_ones, sizeof waiting_ones);
    route.settings.fast_open = true;
    open_before(backend);
    for (int i = 0; i < 3; ++i) {
        auto client = Peer::to(where);
        auto server = backend.accept();
        EXPECT_TRUE(server.say("220 ready"));
        EXPECT_EQ(client.hear(9), "220 ready");
    }
}

}  // namespace
}  // namespace weir::engine::proxy
