#include "health/datagrams.h"

#include <sys/socket.h>

#include <boost/asio/ip/udp.hpp>

#include "health/line.h"
#include "net/answer.h"

namespace weir::health {

namespace asio = boost::asio;

namespace {

/// A raw socket hears everybody until it is connected.
void forget_what_came(int socket) {
    char byte = 0;
    while (recv(socket, &byte, sizeof byte, MSG_TRUNC) >= 0) {
    }
}

}  // namespace

// For echoes too: Asio sends and receives by a raw socket as by one for UDP.
struct Datagrams::State : Line<asio::ip::udp::socket> {
    using Line::Line;
};

std::expected<Datagrams, net::NoPassage> Datagrams::over(net::Passage passage,
                                                         const asio::any_io_executor& executor, Clock& clock,
                                                         Clock::Time deadline) {
    auto state = std::make_unique<State>(executor, std::move(passage));
    if (auto watched = state->watch(clock, deadline); !watched)
        return std::unexpected(net::NoPassage(watched.error(), true));
    Datagrams datagrams(std::move(state));
    auto& line = *datagrams.state_;
    Code code;
    line.socket.connect(line.peer(), code);
    if (code) return std::unexpected(net::NoPassage(Error{text_of(code)}, is_ours(code)));
    forget_what_came(line.socket.native_handle());
    return datagrams;
}

Datagrams::Datagrams(std::unique_ptr<State> state) : state_(std::move(state)) {}
Datagrams::Datagrams(Datagrams&&) noexcept = default;

Datagrams::~Datagrams() {
    if (state_) state_->end();
}

const net::Endpoint& Datagrams::peer() const {
    return state_->passage.connect_to;
}

asio::awaitable<Datagrams::Code> Datagrams::send(std::string_view bytes) {
    auto buffer = asio::buffer(bytes);
    auto [code, count] = co_await state_->socket.async_send(buffer, net::kAnswer);
    co_return state_->judge(code);
}

asio::awaitable<Datagrams::Code> Datagrams::receive(asio::mutable_buffer into, size_t* filled) {
    auto [code, count] = co_await state_->socket.async_receive(into, net::kAnswer);
    *filled = count;
    co_return state_->judge(code);
}

}  // namespace weir::health
