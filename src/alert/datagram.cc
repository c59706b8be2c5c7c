#include "alert/datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <functional>

#include "alert/record.h"
#include "base/unique_fd.h"

namespace weir::alert {
namespace {

/// A path that is too long is cut, and nobody is there.
net::SocketAddress local_address(const std::string& path) {
    net::SocketAddress address;
    auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
    local.sun_family = AF_UNIX;
    std::strncpy(local.sun_path, path.c_str(), sizeof local.sun_path - 1);
    address.size = sizeof local;
    return address;
}

/// A socket for each message: a receiver that was started again has another one.
class DatagramSink final : public Sink {
  public:
    using Write = std::function<std::string(const Message&)>;

    DatagramSink(std::string name, const net::SocketAddress& to, Write write)
        : name_(std::move(name)), to_(to), write_(std::move(write)) {}

    boost::asio::awaitable<Delivery> deliver(const Message& message) override {
        co_return send(write_(message));
    }

  private:
    Delivery send(const std::string& bytes) const {
        UniqueFd socket(::socket(to_.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) return failure(errno);
        auto sent = ::sendto(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, to_.get(), to_.size);
        return sent < 0 ? failure(errno) : Delivery{};
    }

    Delivery failure(int code) const {
        return {fmt::format("cannot send to {}: {}", name_, std::generic_category().message(code)),
                code != EMSGSIZE};
    }

    std::string name_;
    net::SocketAddress to_;
    Write write_;
};

}  // namespace

std::unique_ptr<Sink> syslog_sink(const model::Syslog& syslog, Sender sender, const std::string& local) {
    if (!syslog.server)
        return std::make_unique<DatagramSink>(
            local, local_address(local),
            [sender = std::move(sender), facility = syslog.facility](const Message& message) {
                return local_syslog_record(message, sender, facility);
            });
    return std::make_unique<DatagramSink>(
        syslog.server->text(), net::to_socket_address(*syslog.server),
        [sender = std::move(sender), facility = syslog.facility](const Message& message) {
            return syslog_record(message, sender, facility);
        });
}

std::unique_ptr<Sink> journal_sink(Sender sender, const std::string& socket) {
    return std::make_unique<DatagramSink>(
        socket, local_address(socket),
        [sender = std::move(sender)](const Message& message) { return journal_record(message, sender); });
}

}  // namespace weir::alert
