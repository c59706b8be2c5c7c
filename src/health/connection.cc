#include "health/connection.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <cstring>

namespace weir::health {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kAnswer = asio::as_tuple(asio::use_awaitable);

tcp::endpoint to_asio(const net::Endpoint& endpoint) {
    auto address = net::to_socket_address(endpoint);
    tcp::endpoint out;
    std::memcpy(out.data(), address.get(), address.size);
    out.resize(address.size);
    return out;
}

}  // namespace

struct Connection::Line {
    Line(const asio::any_io_executor& executor, net::Passage way)
        : passage(std::move(way)), socket(executor), timer(executor) {}

    void close() {
        Code ignored;
        socket.close(ignored);
    }

    /// What an operation on the line came to.
    Code judge(Code code) const {
        if (expired) return asio::error::timed_out;
        if (code == asio::error::operation_aborted) throw boost::system::system_error(code);
        return code;
    }

    net::Passage passage;  // before the socket, so that it is undone behind it
    tcp::socket socket;
    asio::steady_timer timer;
    bool expired = false;
};

Result<Connection> Connection::over(net::Passage passage, const asio::any_io_executor& executor,
                                    std::chrono::steady_clock::time_point deadline) {
    // Closing by RST leaves no TIME_WAIT, neither here, where the probes of thousands of targets would use up
    // the ports within minutes, nor on the backend. Set on the descriptor, because Asio's destructor takes
    // back a linger it knows of.
    linger reset{.l_onoff = 1, .l_linger = 0};
    if (setsockopt(passage.socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
        return fail_with(errno, "cannot set the probe's socket up");
    auto line = std::make_shared<Line>(executor, std::move(passage));
    Code code;
    auto protocol = line->passage.connect_to.address.is_v4() ? tcp::v4() : tcp::v6();
    line->socket.assign(protocol, line->passage.socket.get(), code);
    if (code) return fail("cannot watch the probe's socket: {}", text_of(code));
    line->passage.socket.release();
    line->timer.expires_at(deadline);
    line->timer.async_wait([line](Code cancelled) {
        // Closed rather than cancelled, so that an operation about to start fails as well.
        if (!cancelled && line->socket.is_open()) {
            line->expired = true;
            line->close();
        }
    });
    return Connection(std::move(line));
}

Connection::~Connection() {
    if (!line_) return;  // moved from
    line_->close();
    line_->passage = net::Passage();
    line_->timer.cancel();
}

asio::awaitable<Connection::Code> Connection::connect() {
    auto to = to_asio(line_->passage.connect_to);
    auto [code] = co_await line_->socket.async_connect(to, kAnswer);
    co_return line_->judge(code);
}

asio::awaitable<Connection::Code> Connection::write(std::string_view bytes) {
    auto buffer = asio::buffer(bytes);
    auto [code, written] = co_await asio::async_write(line_->socket, buffer, kAnswer);
    co_return line_->judge(code);
}

asio::awaitable<Connection::Code> Connection::read_some(asio::mutable_buffer into, size_t* filled) {
    auto [code, count] = co_await line_->socket.async_read_some(into, kAnswer);
    *filled = count;
    co_return line_->judge(code);
}

std::string text_of(const boost::system::error_code& code) {
    auto text = code.message();
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

}  // namespace weir::health
