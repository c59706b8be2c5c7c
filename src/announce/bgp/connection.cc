#include "announce/bgp/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "net/asio_endpoint.h"

namespace weir::announce::bgp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAnswer = asio::as_tuple(asio::use_awaitable);
constexpr auto kLinger = std::chrono::seconds(1);

tcp protocol(net::Family family) {
    return family == net::Family::v4 ? tcp::v4() : tcp::v6();
}

}  // namespace

Connection::Connection(const asio::any_io_executor& executor, net::Family family, UniqueFd socket,
                       bool connected)
    : socket_(executor, protocol(family), socket.release()), linger_(executor), connected_(connected) {}

asio::awaitable<Connection::Code> Connection::connect(net::Endpoint to) {
    auto self = shared_from_this();
    auto peer = net::to_asio<tcp::endpoint>(to);
    auto [code] = co_await socket_.async_connect(peer, kAnswer);
    connected_ = !code;
    co_return code;
}

asio::awaitable<Connection::Code> Connection::read(Bytes* message, std::optional<Refusal>* refusal) {
    auto self = shared_from_this();
    message->resize(kHeaderSize);
    auto first = asio::buffer(*message);
    auto [failed, count] = co_await asio::async_read(socket_, first, kAnswer);
    if (failed) co_return failed;
    auto header = read_header(std::span(*message).first<kHeaderSize>());
    if (!header) {
        *refusal = header.error();
        co_return Code{};
    }
    message->resize(header->length);
    auto rest = asio::buffer(*message) + kHeaderSize;
    auto [code, more] = co_await asio::async_read(socket_, rest, kAnswer);
    co_return code;
}

bool Connection::has_unread() const {
    Code code;
    return socket_.available(code) > 0 && !code;
}

void Connection::send(Bytes message) {
    backlog_ += message.size();
    unsent_.push_back(std::move(message));
    write();
}

void Connection::write() {
    if (writing_ || unsent_.empty() || !socket_.is_open()) return;
    writing_ = true;
    asio::async_write(socket_, asio::buffer(unsent_.front()), [self = shared_from_this()](Code code, size_t) {
        self->writing_ = false;
        // Who reads learns of a broken connection as well, and tells.
        if (code) return self->closing_ ? self->abort() : void();
        self->backlog_ -= self->unsent_.front().size();
        self->unsent_.pop_front();
        self->write();
        if (self->closing_) self->finish();
    });
}

void Connection::close() {
    if (std::exchange(closing_, true)) return;
    if (!connected_) return abort();
    finish();
}

void Connection::finish() {
    if (writing_ || !unsent_.empty()) return;
    Code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    linger_.expires_after(kLinger);
    linger_.async_wait([self = shared_from_this()](Code) { self->abort(); });
}

void Connection::abort() {
    closing_ = true;
    Code ignored;
    socket_.close(ignored);
    linger_.cancel();
}

}  // namespace weir::announce::bgp
