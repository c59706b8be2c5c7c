#include "admin/server.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "admin/client.h"
#include "admin/server_fixture.h"
#include "admin/source.h"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class ServerTest : public ServerFixture {
  protected:
    Server& make(Limits limits = {}) {
        auto echo = [](const Request& request) {
            return [body = request.method + " " + request.path + " " + request.body] {
                return Response{200, body, "text/plain"};
            };
        };
        return server.emplace(io.get_executor(), clock, echo, limits);
    }
    Result<Response> post(const std::string& body) {
        auto client = Client::connect(socket);
        if (!client) return propagate(client);
        Request request;
        request.method = "POST";
        request.path = "/echo";
        request.body = body;
        return client->call(request);
    }
};

TEST_F(ServerTest, AnswersOverAUnixSocketForItsOwnerOnly) {
    ASSERT_TRUE(make().listen_unix(socket));
    start();
    auto response = post("hello");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "POST /echo hello");
    struct stat found{};
    ASSERT_EQ(::stat(socket.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(ServerTest, AnswersHeadAsGetWithoutTheBody) {
    ASSERT_TRUE(make().listen_unix(socket));
    start();
    auto answer =
        converse(dial_unix(socket), "HEAD /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n")) << "of `GET /echo `";
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

/// Gives its parts one by one, with nothing in between; then, when it may, the end.
class Parts final : public Source {
  public:
    explicit Parts(std::vector<std::string> parts, bool endless = false)
        : parts_(std::move(parts)), endless_(endless) {}
    std::optional<std::string> take() override {
        if (next_ == parts_.size() && !endless_) return std::nullopt;
        pause_ = !pause_;
        return pause_ || next_ == parts_.size() ? "" : parts_[next_++];
    }
    void finish() override { endless_ = false; }
    std::string summary() const override { return fmt::format("{} parts", next_); }

  private:
    std::vector<std::string> parts_;
    size_t next_ = 0;
    bool endless_;
    bool pause_ = false;
};

class SourceTest : public ServerTest {
  protected:
    void serve(std::vector<std::string> parts, bool endless) {
        auto answer = [this, parts = std::move(parts), endless](const Request& request) -> Rendering {
            Response response{200, "", "text/plain"};
            if (request.path == "/refused") return [] { return error(409, "not now"); };
            auto source = std::make_shared<Parts>(parts, endless);
            watched = source;
            response.source = std::move(source);
            return [response = std::move(response)]() mutable { return std::move(response); };
        };
        ASSERT_TRUE(server.emplace(io.get_executor(), clock, answer).listen_unix(socket));
        start();
    }
    Result<std::string> stream(const std::string& path) {
        auto client = Client::connect(socket);
        if (!client) return propagate(client);
        Request request;
        request.method = "POST";
        request.path = path;
        return client->stream(request, [this](std::string_view bytes) {
            got += bytes;
            return Status{};
        });
    }

    std::weak_ptr<Source> watched;
    std::string got;
};

TEST_F(SourceTest, SendsWhatComesWithASummaryAtTheEnd) {
    const std::string large(100'000, 'x');
    serve({"one ", "two ", large}, false);
    const auto summary = stream("/");
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(*summary, "3 parts");
    EXPECT_EQ(got, "one two " + large);
}

TEST_F(SourceTest, IsRefusedWithTheReason) {
    serve({}, false);
    const auto refused = stream("/refused");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "not now");
    EXPECT_EQ(got, "");
}

TEST_F(SourceTest, EndsWhenTheClientHasHungUp) {
    serve({"one"}, true);
    {
        const auto fd = dial_unix(socket);
        const std::string request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        ASSERT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
        ::shutdown(fd.get(), SHUT_WR);
        EXPECT_THAT(converse(fd, ""), testing::EndsWith("X-Weir-Summary: 1 parts\r\n\r\n"));
    }
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (!watched.expired() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    EXPECT_TRUE(watched.expired());
}

TEST_F(ServerTest, RemovesItsSocketAtTheEnd) {
    ASSERT_TRUE(make().listen_unix(socket));
    stop();
    EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(ServerTest, ReplacesASocketThatNobodyListensOn) {
    {
        auto left = UnixListener::open(socket).value();
        auto listening = left.take_socket();
        std::filesystem::rename(socket, socket + ".kept");
    }
    std::filesystem::rename(socket + ".kept", socket);
    ASSERT_TRUE(make().listen_unix(socket));
    start();
    EXPECT_TRUE(post("hello"));
}

TEST_F(ServerTest, LeavesTheSocketToADaemonThatListens) {
    ASSERT_TRUE(make().listen_unix(socket));
    Server second(io.get_executor(), clock, [](const Request&) { return Rendering(); });
    auto done = second.listen_unix(socket);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("another daemon listens at " + socket));
    EXPECT_TRUE(std::filesystem::exists(socket));
}

TEST_F(ServerTest, DoesNotReplaceWhatIsNoSocket) {
    std::filesystem::create_directories(folder + "/run");
    std::ofstream(socket) << "precious";
    EXPECT_FALSE(make().listen_unix(socket));
    EXPECT_TRUE(std::filesystem::is_regular_file(socket));
}

TEST_F(ServerTest, SaysWhereNoDaemonIs) {
    auto response = post("hello");
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, StartsWith("no daemon at " + socket));
}

TEST_F(ServerTest, RefusesABodyAboveTheLimit) {
    ASSERT_TRUE(make().listen_unix(socket));
    start();
    EXPECT_EQ(post(std::string(1024 * 1024, 'x'))->status, 200u);
    auto response = post(std::string(1024 * 1024 + 1, 'x'));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 413u);
}

TEST_F(ServerTest, ServesATcpSocketThatWasHandedOver) {
    auto [fd, endpoint] = listening();
    ASSERT_TRUE(make().adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    auto answer = converse(dial(endpoint), "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("GET /x "));
    answer = converse(dial(endpoint), "GET /x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
    answer = converse(dial(endpoint), "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
}

TEST_F(ServerTest, AnswersNonsenseWithAnErrorAndCloses) {
    auto [fd, endpoint] = listening();
    ASSERT_TRUE(make().adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    EXPECT_THAT(converse(dial(endpoint), "\x16\x03\x01 nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    auto much = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + std::string(64 * 1024, 'x') + "\r\n\r\n";
    EXPECT_THAT(converse(dial(endpoint), much), StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerTest, ClosesOnAClientThatDawdles) {
    auto [fd, endpoint] = listening();
    ASSERT_TRUE(make().adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    auto client = dial(endpoint);
    const std::string_view part = "GET / HTTP/1.1\r\nHost:";
    ASSERT_EQ(::send(client.get(), part.data(), part.size(), 0), static_cast<ssize_t>(part.size()));
    lose_patience();
    EXPECT_EQ(converse(client, ""), "");
}

TEST_F(ServerTest, ClosesConnectionsAboveTheLimit) {
    auto [fd, endpoint] = listening();
    Limits limits;
    limits.connections = 2;
    ASSERT_TRUE(make(limits).adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    auto first = dial(endpoint);
    auto second = dial(endpoint);
    auto third = dial(endpoint);
    char byte;
    EXPECT_EQ(::recv(third.get(), &byte, 1, 0), 0);
    std::string request = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    EXPECT_THAT(converse(first, request), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(converse(second, request), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, GivesNoAddressAllConnections) {
    auto [fd, endpoint] = listening();
    Limits limits;
    limits.client_connections = 1;
    ASSERT_TRUE(make(limits).adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    std::string request = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    auto first = dial(endpoint);
    EXPECT_EQ(converse(dial(endpoint), ""), "") << "one more is closed";
    EXPECT_THAT(converse(dial(endpoint, "127.0.0.2"), request), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(converse(first, request), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, MovesToAnotherTcpAddress) {
    auto free_endpoint = [] { return listening().second; };
    auto before = free_endpoint();
    auto after = free_endpoint();
    make();
    ASSERT_TRUE(server->listen_tcp(before));
    ASSERT_TRUE(server->listen_tcp(before));
    ASSERT_TRUE(server->listen_tcp(after));
    start();
    std::string request = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    EXPECT_THAT(converse(dial(after), request), StartsWith("HTTP/1.1 200 "));
    EXPECT_TRUE(admin::listen_tcp(before));
}

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

TEST_F(ServerTest, MovesFromOneAddressToAllAndBackOnOnePort) {
    auto one = listening().second;
    auto all = net::Endpoint{net::Ip::parse("0.0.0.0").value(), one.port};
    make();
    for (const auto& next : {one, all, one}) {
        auto moved = server->listen_tcp(next);
        EXPECT_TRUE(moved) << moved.error().message;
    }
    start();
    EXPECT_THAT(converse(dial(one), kGet), StartsWith("HTTP/1.1 200 "));
    EXPECT_TRUE(admin::listen_tcp({net::Ip::parse("127.0.0.2").value(), one.port})) << "of all it is one";
}

TEST_F(ServerTest, StaysWhereItIsWhenAllAddressesCannotBeHad) {
    auto one = listening().second;
    ASSERT_TRUE(make().listen_tcp(one));
    auto others = admin::listen_tcp({net::Ip::parse("127.0.0.2").value(), one.port}).value();
    EXPECT_FALSE(server->listen_tcp(net::Endpoint{net::Ip::parse("0.0.0.0").value(), one.port}));
    start();
    EXPECT_THAT(converse(dial(one), kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, HandsItsSocketsOnAndLeavesItsConnectionsAlone) {
    auto one = listening().second;
    ASSERT_TRUE(make().listen_unix(socket));
    ASSERT_TRUE(server->listen_tcp(one));
    auto before = dial(one);
    // Accepted, and asked for nothing yet: it is the old server's to answer.
    while (io.poll() == 0) std::this_thread::yield();
    auto sockets = server->hand_over();
    ASSERT_EQ(sockets.size(), 2u);
    auto waiting = dial(one);
    Server next(io.get_executor(), clock, [](const Request&) -> Rendering {
        return [] { return Response{200, "the next", "text/plain"}; };
    });
    for (auto& each : sockets) ASSERT_TRUE(next.adopt(std::move(each), socket));
    start();
    EXPECT_THAT(converse(before, kGet), testing::EndsWith("GET /x "));
    EXPECT_THAT(converse(waiting, kGet), testing::EndsWith("the next"));
    stop();
}

TEST_F(ServerTest, EndsInPeaceWithAClientThatItRefusesBeforeItHasReadAll) {
    auto [fd, endpoint] = listening();
    ASSERT_TRUE(make().adopt({Origin::inherited, std::move(fd)}, ""));
    start();
    auto client = dial(endpoint);
    auto refused =
        "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000\r\n\r\n" + std::string(100'000, 'x');
    EXPECT_THAT(converse(client, refused), StartsWith("HTTP/1.1 403 "));
    int problem = 0;
    socklen_t size = sizeof problem;
    ::getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
    char byte = 0;
    EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0) << "no reset";
    EXPECT_EQ(problem, 0);
}

}  // namespace
}  // namespace weir::admin
