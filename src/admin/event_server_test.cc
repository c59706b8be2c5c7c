// The event stream through the server, as its readers meet it: over the unix socket and over TLS.
#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include "admin/event_stream.h"
#include "admin/server_fixture.h"
#include "base/pem_fixture.h"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

enum class Way { unix_socket, tls };

/// A client by either way.
class Reader {
  public:
    Reader(Way way, const std::string& path, const net::Endpoint& endpoint) {
        if (way == Way::tls)
            tls_.emplace(endpoint);
        else
            fd_ = dial_unix(path);
    }

    void ask(const std::string& headers = "") {
        const std::string request =
            "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n"
            "Authorization: Bearer viewer-0123456789\r\n" +
            headers + "\r\n";
        if (tls_) return tls_->send(request);
        EXPECT_EQ(::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
    }
    std::string until(std::string_view last) {
        if (tls_) return tls_->until(last);
        std::string got;
        char buffer[4096];
        while (!got.contains(last)) {
            auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
            if (n <= 0) break;
            got.append(buffer, static_cast<size_t>(n));
        }
        return got;
    }

  private:
    std::optional<TlsClient> tls_;
    UniqueFd fd_;
};

class EventServer : public ServerFixture, public testing::WithParamInterface<Way> {
  protected:
    void serve() {
        auto answer = [this](const Request& request) -> Rendering {
            auto response = stream_events(events, request);
            return [response = std::move(response)]() mutable { return std::move(response); };
        };
        server.emplace(io.get_executor(), clock, answer);
        auto made = make_certificate({.names = "DNS:localhost"});
        model::Admin admin;
        admin.certificate = model::FileText(made.certificate);
        admin.key = model::FileText(made.key);
        admin.viewer_token = model::FileText(std::string("viewer-0123456789"));
        ASSERT_TRUE(server->protect(admin));
        ASSERT_TRUE(server->listen_unix(socket));
        auto [fd, bound] = listening();
        endpoint = bound;
        ASSERT_TRUE(server->adopt({Origin::inherited, std::move(fd)}, ""));
        start();
    }
    Reader reader() { return {GetParam(), socket, endpoint}; }
    void happens(const std::string& what) {
        there([&] { events->add({control::EventKind::reload_accepted, what}, {}); });
    }

    std::shared_ptr<control::Events> events =
        std::make_shared<control::Events>(control::Events::Time(1s), 200);
    net::Endpoint endpoint;
};

TEST_P(EventServer, TellsWhatHappensAndTakesUpWhereAReaderWas) {
    serve();
    happens("before");
    std::string got;
    {
        auto first = reader();
        first.ask();
        got = first.until("from here on");
        EXPECT_THAT(got, HasSubstr("Content-Type: text/event-stream"));
        happens("one");
        got += first.until("\"one\"");
        EXPECT_THAT(got, Not(HasSubstr("\"before\"")));
    }
    auto at = got.find("id: ");
    ASSERT_NE(at, got.npos);
    auto id = got.substr(at + 4, got.find('\n', at) - at - 4);
    happens("while nobody read");
    auto second = reader();
    second.ask("Last-Event-ID: " + id + "\r\n");
    got = second.until("\"while nobody read\"");
    EXPECT_THAT(got, HasSubstr("\"while nobody read\""));
    EXPECT_THAT(got, Not(HasSubstr("\"one\"")));
}

TEST_P(EventServer, CutsAReaderOffWhoTakesNothingAndCountsHim) {
    spdlog::set_level(spdlog::level::off);  // megabytes of events
    serve();
    auto slow = reader();
    slow.ask();
    slow.until("from here on");
    const std::string large(64 * 1024, 'x');
    auto dropped = [&] { return events->dropped_readers_total(); };
    // What he does not take stays in the socket's buffers; when they are full the server waits for him.
    auto waits = [this] { return clock.alarms() > 0; };
    for (int turns = 0; turns < 100; turns = there(waits) ? turns + 1 : 0)
        if (turns == 0) happens(large);
    lose_patience();
    auto patience = std::chrono::steady_clock::now() + 30s;
    while (there(dropped) == 0 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    spdlog::set_level(spdlog::level::info);
    EXPECT_EQ(there(dropped), 1u);
}

TEST_P(EventServer, EndsWithTheTokenThatLetItsReaderIn) {
    serve();
    auto one = reader();
    one.ask();
    one.until("from here on");
    EXPECT_TRUE(there([&] { return server->protect({}); }));
    if (GetParam() == Way::tls) {
        EXPECT_THAT(one.until("nothing of the kind"), HasSubstr("X-Weir-Summary: 0 events"));
    } else {
        happens("one");
        EXPECT_THAT(one.until("\"one\""), HasSubstr("\"one\"")) << "the unix socket knows no tokens";
    }
}

INSTANTIATE_TEST_SUITE_P(By, EventServer, testing::Values(Way::unix_socket, Way::tls),
                         [](const auto& way) { return way.param == Way::tls ? "Tls" : "UnixSocket"; });

}  // namespace
}  // namespace weir::admin
