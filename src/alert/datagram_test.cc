#include "alert/datagram.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "alert/record.h"
#include "alert/sink_fixture.h"
#include "base/temp_dir_fixture.h"
#include "base/unique_fd.h"

namespace weir::alert {
namespace {

using testing::HasSubstr;

/// A socket that records are sent to; "" where nothing has come.
class Receiver {
  public:
    explicit Receiver(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    /// On loopback, by UDP.
    Receiver() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
        net::Endpoint any{*net::Ip::parse("127.0.0.1"), net::Port(1)};
        auto address = net::to_socket_address(any);
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = 0;
        EXPECT_EQ(::bind(socket_.get(), address.get(), address.size), 0);
    }

    net::Endpoint endpoint() const {
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &size);
        return net::from_socket_address(storage).value();
    }
    std::string take() {
        char bytes[65536];
        auto size = ::recv(socket_.get(), bytes, sizeof bytes, 0);
        return size < 0 ? "" : std::string(bytes, static_cast<size_t>(size));
    }

  private:
    UniqueFd socket_;
};

class DatagramSink : public SinkTest {
  protected:
    const TempDir directory_;
    const std::string path_ = directory_ / "socket";
    const Message message_ = message_of({down()});
};

TEST_F(DatagramSink, SendsToASyslogServer) {
    Receiver server;
    auto sink = syslog_sink({server.endpoint(), 3}, kSender);
    EXPECT_EQ(deliver(*sink), Delivery{});
    EXPECT_EQ(server.take(), syslog_record(message_, kSender, 3));
}

TEST_F(DatagramSink, SendsToTheHostsSyslogAlsoAfterThatWasStartedAgain) {
    auto sink = syslog_sink({}, kSender, path_);
    auto delivery = deliver(*sink);
    EXPECT_THAT(delivery.failure, HasSubstr("cannot send to " + path_ + ": No such file or directory"));
    EXPECT_TRUE(delivery.again);
    for (int i = 0; i < 2; ++i) {
        Receiver syslog(path_);
        EXPECT_EQ(deliver(*sink), Delivery{});
        EXPECT_EQ(syslog.take(), local_syslog_record(message_, kSender, 3));
        std::filesystem::remove(path_);
    }
}

TEST_F(DatagramSink, SendsToTheJournal) {
    Receiver journal(path_);
    auto sink = journal_sink(kSender, path_);
    EXPECT_EQ(deliver(*sink), Delivery{});
    EXPECT_EQ(journal.take(), journal_record(message_, kSender));
}

TEST_F(DatagramSink, DoesNotWaitForAReceiverThatTakesNothing) {
    Receiver journal(path_);
    auto sink = journal_sink(kSender, path_);
    Delivery delivery;
    for (int i = 0; i < 100'000 && delivery.ok(); ++i) delivery = deliver(*sink);
    EXPECT_THAT(delivery.failure, HasSubstr("Resource temporarily unavailable"));
    EXPECT_TRUE(delivery.again);
    while (!journal.take().empty()) continue;
    EXPECT_EQ(deliver(*sink), Delivery{});
}

}  // namespace
}  // namespace weir::alert
