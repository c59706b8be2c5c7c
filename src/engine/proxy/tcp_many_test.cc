// Many connections at a time, each with sizes, pauses and an ending of its own by chance: both ends hear
// exactly what the other has said.
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "engine/proxy/tcp_fixture.h"

namespace weir::engine::proxy {
namespace {

constexpr uint32_t kConnections = 1000;
constexpr size_t kLongest = 4 << 20;

enum class Ending : uint8_t { fin, client_resets, server_resets };

/// What happens on one connection. The client says its number first.
struct Script {
    std::string_view from_client;
    std::string_view from_server;
    Ending ending = Ending::fin;
};

class Scripts {
  public:
    Scripts() : bytes_(some_bytes(2 * kLongest)), all_(kConnections) {
        for (auto& script : all_) {
            script.from_client = piece();
            script.from_server = piece();
            const auto chance = random_() % 10;
            script.ending = chance == 0   ? Ending::client_resets
                            : chance == 1 ? Ending::server_resets
                                          : Ending::fin;
        }
    }
    const Script& operator[](size_t number) const { return all_[number]; }
    size_t count(Ending ending) const {
        return static_cast<size_t>(std::ranges::count(all_, ending, &Script::ending));
    }

  private:
    std::string_view piece() {
        const auto chance = random_() % 100;
        const size_t most = chance < 70 ? 4096 : chance < 97 ? 256 << 10 : kLongest;
        return std::string_view(bytes_).substr(random_() % kLongest, random_() % (most + 1));
    }

    std::mt19937 random_{7};
    std::string bytes_;
    std::vector<Script> all_;
};

/// One end of a connection.
class Talk {
  public:
    Talk(Peer peer, std::string_view says, std::string_view hears, bool resets)
        : peer_(std::move(peer)), says_(says), hears_(hears), resets_(resets) {
        ::fcntl(peer_.get(), F_SETFL, O_NONBLOCK);
    }

    /// A little of what there is to be done.
    void step(std::mt19937& random) {
        if (is_over()) return;
        if (pause_ > 0) {
            --pause_;
            return;
        }
        if (random() % 4 == 0) pause_ = random() % 4;
        say(random);
        if (!is_over()) hear(random);
        if (has_ended_ && has_heard_end_) peer_.close();
    }

    bool is_over() const { return peer_.get() < 0; }
    bool has_heard_all() const { return heard_ == hears_.size() && has_heard_end_; }
    bool was_reset() const { return was_reset_; }
    bool is_right() const { return is_right_; }

  private:
    void say(std::mt19937& random) {
        const auto stop = resets_ ? says_.size() / 2 : says_.size();
        if (said_ == stop && resets_) return peer_.reset();
        if (said_ == stop) {
            if (!std::exchange(has_ended_, true)) peer_.end();
            return;
        }
        const auto size = std::min<size_t>(stop - said_, 1 + random() % 65536);
        const ssize_t more = ::send(peer_.get(), says_.data() + said_, size, MSG_NOSIGNAL);
        if (more > 0)
            said_ += static_cast<size_t>(more);
        else
            fail();
    }

    void hear(std::mt19937& random) {
        std::string buffer(1 + random() % 65536, '\0');
        const ssize_t more = ::recv(peer_.get(), buffer.data(), buffer.size(), 0);
        if (more < 0) return fail();
        if (more == 0) {
            has_heard_end_ = true;
            return;
        }
        const auto size = static_cast<size_t>(more);
        is_right_ = is_right_ && hears_.substr(std::min(heard_, hears_.size()), size) ==
                                     std::string_view(buffer).substr(0, size);
        heard_ += size;
    }

    void fail() {
        if (errno == EAGAIN) return;
        was_reset_ = errno == ECONNRESET || errno == EPIPE;
        peer_.close();
    }

    Peer peer_;
    std::string_view says_;
    std::string_view hears_;
    bool resets_;
    size_t said_ = 0;
    size_t heard_ = 0;
    uint32_t pause_ = 0;
    bool has_ended_ = false;
    bool has_heard_end_ = false;
    bool was_reset_ = false;
    bool is_right_ = true;
};

class TcpManyTest : public TcpFrontTest, public testing::WithParamInterface<bool> {
  protected:
    void SetUp() override {
        TcpFrontTest::SetUp();
        shared.pipe_size = GetParam() ? 1 << 20 : 0;
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit most{.rlim_cur = before_.rlim_max, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &most);
        ASSERT_GT(most.rlim_cur, 6 * kConnections);
    }
    void TearDown() override {
        ::setrlimit(RLIMIT_NOFILE, &before_);
        TcpFrontTest::TearDown();
    }

    /// Which connection a backend's is: its first bytes say so. Nothing where it was reset before.
    static std::optional<uint32_t> number_of(const Peer& peer) {
        uint32_t number = 0;
        auto said = peer.hear(sizeof number);
        if (said.size() < sizeof number) return std::nullopt;
        std::memcpy(&number, said.data(), sizeof number);
        return number;
    }
    void call(uint32_t number) {
        auto client = Peer::to(where);
        EXPECT_TRUE(client.say({reinterpret_cast<const char*>(&number), sizeof number}));
        const auto& script = scripts[number];
        clients.emplace_back(std::move(client), script.from_client, script.from_server,
                             script.ending == Ending::client_resets);
    }
    void answer(const Backend& backend) {
        auto server = backend.accept();
        auto number = number_of(server);
        if (!number) {
            ++strangers;
            return;
        }
        const auto& script = scripts[*number];
        servers[*number] = std::make_unique<Talk>(std::move(server), script.from_server, script.from_client,
                                                  script.ending == Ending::server_resets);
    }
    bool is_over() const {
        return std::ranges::all_of(clients, &Talk::is_over) &&
               std::ranges::all_of(servers, [](const auto& each) { return !each || each->is_over(); });
    }
    void check() const {
        for (uint32_t i = 0; i < kConnections; ++i) {
            EXPECT_TRUE(clients[i].is_right()) << i;
            EXPECT_TRUE(!servers[i] || servers[i]->is_right()) << i;
            const auto ending = scripts[i].ending;
            if (ending == Ending::fin) {
                EXPECT_TRUE(clients[i].has_heard_all() && servers[i] && servers[i]->has_heard_all()) << i;
            } else if (ending == Ending::server_resets) {
                EXPECT_TRUE(clients[i].was_reset()) << i;
            } else if (servers[i]) {
                EXPECT_TRUE(servers[i]->was_reset()) << i;
            }
        }
        EXPECT_LE(strangers, scripts.count(Ending::client_resets));
    }

    const Scripts scripts;
    std::vector<Talk> clients;
    std::vector<std::unique_ptr<Talk>> servers{kConnections};
    size_t strangers = 0;  // a backend's connections that were reset before they had a number

  private:
    rlimit before_{};
};
INSTANTIATE_TEST_SUITE_P(Ways, TcpManyTest, testing::Values(true, false),
                         [](const auto& way) { return way.param ? "Spliced" : "Copied"; });

TEST_P(TcpManyTest, HearWhatTheirOtherEndsHaveSaid) {
    Backend one;
    Backend two;
    route.table = nullptr;
    add(one.endpoint());
    open_before(two);
    std::mt19937 random(11);
    clients.reserve(kConnections);
    const auto until = std::chrono::steady_clock::now() + 100s;
    while (std::chrono::steady_clock::now() < until) {
        for (uint32_t i = 0; i < 20 && clients.size() < kConnections; ++i)
            call(static_cast<uint32_t>(clients.size()));
        for (const auto* backend : {&one, &two})
            while (backend->is_called()) answer(*backend);
        for (auto& each : clients) each.step(random);
        for (auto& each : servers)
            if (each) each->step(random);
        if (clients.size() == kConnections && is_over()) break;
    }
    ASSERT_TRUE(is_over());
    check();
    EXPECT_TRUE(holds_soon([&] { return connections() == 0; }));
    EXPECT_EQ(tally(0).failed + tally(1).failed, 0U);
    EXPECT_EQ(refused(Reason::connect_failed) + refused(Reason::no_descriptors), 0U);
}

}  // namespace
}  // namespace weir::engine::proxy
