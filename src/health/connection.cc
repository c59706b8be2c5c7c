#include "health/connection.h"

#include <sys/socket.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <optional>

#include "health/line.h"
#include "net/answer.h"

namespace weir::health {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Connection::State : Line<tcp::socket> {
    using Line::Line;

    Code judge(Code code) const {
        auto judged = Line::judge(code);
        return judged == asio::ssl::error::stream_truncated ? Code(asio::error::eof) : judged;
    }

    std::optional<asio::ssl::stream<tcp::socket&>> tls;  // over the socket
};

Result<Connection> Connection::over(net::Passage passage, const asio::any_io_executor& executor, Clock& clock,
                                    Clock::Time deadline) {
    // Closing by RST leaves no TIME_WAIT, neither here, where the probes of thousands of targets would use up
    // the ports within minutes, nor on the backend; and an orderly end would outlast the way. Set on the
    // descriptor, because Asio's destructor takes back a linger it knows of.
    linger reset{.l_onoff = 1, .l_linger = 0};
    if (setsockopt(passage.socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
        return fail_with(errno, "cannot set the probe's socket up");
    auto state = std::make_unique<State>(executor, std::move(passage));
    if (auto watched = state->watch(clock, deadline); !watched) return propagate(watched);
    return Connection(std::move(state));
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;

Connection::~Connection() {
    if (state_) state_->end();
}

asio::awaitable<Connection::Code> Connection::connect() {
    auto to = state_->peer();
    auto [code] = co_await state_->socket.async_connect(to, net::kAnswer);
    co_return state_->judge(code);
}

asio::awaitable<Connection::Code> Connection::secure(TlsSession session) {
    auto& tls = state_->tls.emplace(state_->socket, session.release());
    auto [code] = co_await tls.async_handshake(asio::ssl::stream_base::client, net::kAnswer);
    co_return state_->judge(code);
}

asio::awaitable<Connection::Code> Connection::write(std::string_view bytes) {
    auto buffer = asio::buffer(bytes);
    if (state_->tls) {
        auto [code, written] = co_await asio::async_write(*state_->tls, buffer, net::kAnswer);
        co_return state_->judge(code);
    }
    auto [code, written] = co_await asio::async_write(state_->socket, buffer, net::kAnswer);
    co_return state_->judge(code);
}

asio::awaitable<Connection::Code> Connection::read_some(asio::mutable_buffer into, size_t* filled) {
    if (state_->tls) {
        auto [code, count] = co_await state_->tls->async_read_some(into, net::kAnswer);
        *filled = count;
        co_return state_->judge(code);
    }
    auto [code, count] = co_await state_->socket.async_read_some(into, net::kAnswer);
    *filled = count;
    co_return state_->judge(code);
}

bool is_ours(const boost::system::error_code& code) {
    using enum boost::system::errc::errc_t;
    return code == address_not_available || code == address_in_use || code == no_buffer_space ||
           code == not_enough_memory;
}

std::string text_of(const boost::system::error_code& code) {
    auto text = code.message();
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

}  // namespace weir::health
