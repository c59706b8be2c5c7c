// For tests: a server in a thread of its own, as the daemon is to its clients, and clients that speak bytes.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "admin/server.h"
#include "admin/sockets.h"
#include "base/fake_clock.h"
#include "base/temp_dir_fixture.h"

namespace weir::admin {

class ServerFixture : public testing::Test {
  protected:
    ~ServerFixture() override { stop(); }

    void start() {
        thread = std::thread([this] { io.run(); });
    }
    void stop() {
        io.stop();
        if (thread.joinable()) thread.join();
        server.reset();
    }

    /// On the server's thread, where its functions are called.
    template <class Work>
    auto there(Work work) {
        std::packaged_task<decltype(work())()> task(work);
        auto result = task.get_future();
        boost::asio::post(io, std::move(task));
        return result.get();
    }

    /// Once the server waits for a client: its patience is over.
    void lose_patience() {
        auto is_waiting = [this] { return clock.alarms() > 0; };
        while (!there(is_waiting)) std::this_thread::yield();
        there([this] { clock.oversleep(std::chrono::minutes(1)); });
    }

    const TempDir directory;
    const std::string folder = directory.path();
    const std::string socket = folder + "/run/weir.sock";
    boost::asio::io_context io{1};
    FakeClock clock{io};  // moves on the server's thread only
    std::optional<Server> server;
    std::thread thread;
};

inline UniqueFd dial(const net::Endpoint& endpoint, const char* from = "") {
    auto address = net::to_socket_address(endpoint);
    UniqueFd fd(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{30, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (*from) {
        auto own = net::to_socket_address({net::Ip::parse(from).value(), net::Port(0)});
        EXPECT_EQ(::bind(fd.get(), own.get(), own.size), 0);
    }
    EXPECT_EQ(::connect(fd.get(), address.get(), address.size), 0);
    return fd;
}

inline UniqueFd dial_unix(const std::string& path) {
    auto address = unix_address(path).value();
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{30, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

/// A TCP socket on a free port, as a service manager hands one over.
inline std::pair<UniqueFd, net::Endpoint> listening(const char* address = "127.0.0.1") {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto any_port = net::to_socket_address({net::Ip::parse(address).value(), net::Port(0)});
    EXPECT_EQ(::bind(fd.get(), any_port.get(), any_port.size), 0);
    EXPECT_EQ(::listen(fd.get(), 16), 0);
    auto endpoint = bound_to(fd).value();
    return {std::move(fd), endpoint};
}

/// Sends bytes as they are and reads until the other side closes.
inline std::string converse(const UniqueFd& fd, const std::string& bytes) {
    if (!bytes.empty()) {
        EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    std::string answer;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(fd.get(), buffer, sizeof(buffer), 0)) > 0;) answer.append(buffer, n);
    return answer;
}

/// A TLS client over a blocking socket. It trusts everybody.
class TlsClient {
  public:
    explicit TlsClient(const net::Endpoint& endpoint, int newest = TLS1_3_VERSION)
        : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
          fd_(dial(endpoint)),
          session_(nullptr, SSL_free) {
        std::signal(SIGPIPE, SIG_IGN);  // which OpenSSL's writes raise where the server has closed
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_.get(), newest);
        session_.reset(SSL_new(context_.get()));
        SSL_set_fd(session_.get(), fd_.get());
        connected_ = SSL_connect(session_.get()) == 1;
    }

    bool connected() const { return connected_; }
    const X509* certificate() const { return SSL_get0_peer_certificate(session_.get()); }
    void send(const std::string& bytes) {
        EXPECT_EQ(SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size())),
                  static_cast<int>(bytes.size()));
    }
    /// Reads until this text has come, or the end.
    std::string until(std::string_view last) {
        std::string got;
        char buffer[4096];
        while (!got.contains(last)) {
            int n = SSL_read(session_.get(), buffer, sizeof buffer);
            if (n <= 0) break;
            got.append(buffer, static_cast<size_t>(n));
        }
        return got;
    }
    std::string rest() {
        std::string got;
        char buffer[4096];
        for (int n; (n = SSL_read(session_.get(), buffer, sizeof buffer)) > 0;)
            got.append(buffer, static_cast<size_t>(n));
        return got;
    }

  private:
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    UniqueFd fd_;
    std::unique_ptr<SSL, decltype(&SSL_free)> session_;
    bool connected_ = false;
};

}  // namespace weir::admin
