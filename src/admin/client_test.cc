#include "admin/client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "admin/sockets.h"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Begins an endless answer to one client, and then does nothing until it goes.
class HungDaemon {
  public:
    HungDaemon() : listener_(UnixListener::open(path()).value()), socket_(listener_.take_socket()) {
        int flags = ::fcntl(socket_.get(), F_GETFL);
        ::fcntl(socket_.get(), F_SETFL, flags & ~O_NONBLOCK);
        thread_ = std::thread([this] {
            UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            constexpr std::string_view kBeginning =
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
            EXPECT_EQ(::send(client.get(), kBeginning.data(), kBeginning.size(), MSG_NOSIGNAL),
                      static_cast<ssize_t>(kBeginning.size()));
            pollfd gone{.fd = client.get(), .events = 0, .revents = 0};  // both directions are closed
            ::poll(&gone, 1, -1);
        });
    }
    ~HungDaemon() { thread_.join(); }

    static std::string path() { return fmt::format("/tmp/weir-client-test-{}.sock", ::getpid()); }

  private:
    UnixListener listener_;
    UniqueFd socket_;
    std::thread thread_;
};

TEST(Client, EndsAStreamAfterASignalThoughTheDaemonHangs) {
    HungDaemon daemon;
    auto client = Client::connect(HungDaemon::path());
    ASSERT_TRUE(client);
    bool raised = false;
    auto interrupted = [&](std::string_view) -> Status {
        if (!std::exchange(raised, true)) std::raise(SIGINT);
        return {};
    };
    auto streamed = client->stream({}, interrupted, 50ms);
    ASSERT_FALSE(streamed);
    EXPECT_THAT(streamed.error().message, HasSubstr("broke off"));
}

TEST(Client, TellsAnUnreachableDaemonFromNone) {
    auto none = Client::find(HungDaemon::path());
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    EXPECT_THAT(Client::connect(HungDaemon::path()).error().message, HasSubstr("no daemon at"));
    EXPECT_THAT(Client::find("/etc/passwd/weir.sock").error().message, HasSubstr("cannot reach"));
}

TEST(Client, RepeatsWhatTheDaemonComplainsOf) {
    EXPECT_EQ(complaint_in({400, R"({"error": "there is no service 'wbe'"})"}), "there is no service 'wbe'");
    EXPECT_EQ(complaint_in({502, "<html>"}), "the daemon answered with status 502");
}

}  // namespace
}  // namespace weir::admin
