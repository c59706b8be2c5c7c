#include "discovery/redis_connection.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include "discovery/value.h"
#include "net/answer.h"
#include "net/tls.h"

namespace weir::discovery {

namespace asio = boost::asio;
using asio::awaitable;
using Code = boost::system::error_code;
using Endpoint = asio::generic::stream_protocol::endpoint;

struct RedisConnection::State {
    using Socket = asio::generic::stream_protocol::socket;

    State(const asio::any_io_executor& executor, Clock& time, std::string what)
        : socket(executor), clock(time), where(std::move(what)) {}

    /// What goes on while this lives ends at the deadline.
    struct Limit {
        Limit(State& of, Clock::Time deadline) : state(of) {
            state.expired = false;
            state.alarm = state.clock.at(deadline, [this] { state.expire(); });
        }
        ~Limit() { state.alarm.reset(); }
        Limit(const Limit&) = delete;

        State& state;
    };
    /// Again and again, because an operation of many parts may be between two of them.
    void expire() {
        expired = true;
        Code ignored;
        socket.cancel(ignored);
        alarm = clock.after(std::chrono::milliseconds(100), [this] { expire(); });
    }
    /// What an operation came to, in words.
    Status judge(Code code, std::string_view doing) const {
        if (!code) return {};
        if (expired) return fail("{} {}: it does not answer", doing, where);
        if (code == asio::error::operation_aborted) throw boost::system::system_error(code);
        if (code == asio::error::eof || code == asio::ssl::error::stream_truncated)
            return fail("{} {}: it has closed the connection", doing, where);
        return fail("{} {}: {}", doing, where, code.message());
    }

    awaitable<Status> connect(Endpoint to, Clock::Time deadline);
    awaitable<Status> secure(const model::Tls& tls, const std::string& host, Clock::Time deadline);

    Socket socket;
    std::optional<asio::ssl::stream<Socket&>> tls;  // over the socket
    Clock& clock;
    std::string where;
    RedisReader reader;
    std::array<char, 16384> buffer;
    bool expired = false;
    Clock::Alarm alarm{};
};

awaitable<Status> RedisConnection::State::connect(Endpoint to, Clock::Time deadline) {
    Limit limit(*this, deadline);
    auto [code] = co_await socket.async_connect(to, net::kAnswer);
    co_return judge(code, "cannot connect to");
}

awaitable<Status> RedisConnection::State::secure(const model::Tls& terms, const std::string& host,
                                                 Clock::Time deadline) {
    auto context = net::make_tls_context({.verify = terms.verify,
                                          .authorities = terms.authorities.view(),
                                          .certificate = terms.certificate.view(),
                                          .key = terms.key.view()});
    if (!context) co_return propagate(context, where);
    auto name = terms.sni.empty() ? host : terms.sni;
    auto session = net::start_tls(context->get(), name);
    if (!session) co_return propagate(session, where);
    const auto* established = session->get();
    tls.emplace(socket, session->release());
    Limit limit(*this, deadline);
    auto [code] = co_await tls->async_handshake(asio::ssl::stream_base::client, net::kAnswer);
    auto done = judge(code, "cannot speak TLS to");
    if (done || expired || code == asio::error::eof) co_return done;
    co_return fail("cannot speak TLS to {}: {}", where,
                   net::handshake_failure(established, name, code.message()));
}

namespace {

Endpoint to_asio(const net::Endpoint& endpoint) {
    auto address = net::to_socket_address(endpoint);
    return {address.get(), address.size};
}

/// Where to try, one after the other.
awaitable<Result<std::vector<Endpoint>>> endpoints_of(const RedisServer& server, net::Lookup* lookup,
                                                      Clock& clock, Clock::Time deadline) {
    constexpr size_t kMost = 4;
    if (!server.path.empty())
        co_return std::vector<Endpoint>{asio::local::stream_protocol::endpoint(server.path)};
    auto found = co_await lookup->run(clock, deadline);
    if (!found) co_return propagate(found);
    std::vector<Endpoint> endpoints;
    for (size_t i = 0; i < std::min(found->size(), kMost); ++i) endpoints.push_back(to_asio((*found)[i]));
    co_return endpoints;
}

/// What the server says, shortened; a wrong password is the operator's to mend.
Error refusal(const RedisServer& server, const RedisReply& reply) {
    auto text = excerpt(reply.text);
    bool is_stranger = text.starts_with("WRONGPASS") || text.starts_with("NOAUTH") ||
                       text.starts_with("NOPERM") || text.starts_with("ERR AUTH") ||
                       text.starts_with("ERR invalid password");
    return Error{fmt::format("{} refuses weir{}: {}", server.text(),
                             is_stranger ? " (see user and password_file)" : "", text)};
}

}  // namespace

RedisConnection::RedisConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
RedisConnection::RedisConnection(RedisConnection&&) noexcept = default;
RedisConnection& RedisConnection::operator=(RedisConnection&&) noexcept = default;
RedisConnection::~RedisConnection() = default;

awaitable<Result<RedisConnection>> RedisConnection::open(const RedisServer& server, net::Lookup* lookup,
                                                         Clock& clock, Clock::Time deadline) {
    auto endpoints = co_await endpoints_of(server, lookup, clock, deadline);
    if (!endpoints) co_return propagate(endpoints);
    auto executor = co_await asio::this_coro::executor;
    // The first that answers; each has its share of the time that is left.
    for (size_t left = endpoints->size();; --left) {
        auto now = clock.now();
        auto share = now + (deadline - now) / static_cast<int>(left);
        RedisConnection connection(std::make_unique<State>(executor, clock, server.text()));
        auto& state = *connection.state_;
        auto done = co_await state.connect((*endpoints)[endpoints->size() - left], share);
        if (done && server.tls) done = co_await state.secure(*server.tls, server.address->host, share);
        if (done) done = co_await connection.introduce(server, share);
        if (done) co_return connection;
        if (left == 1) co_return propagate(done);
    }
}

awaitable<Status> RedisConnection::introduce(const RedisServer& server, Clock::Time deadline) {
    std::vector<std::vector<std::string_view>> commands;
    if (!server.password.empty()) {
        commands.push_back({"AUTH"});
        if (!server.user.empty()) commands.back().push_back(server.user);
        commands.back().push_back(server.password.view());
    }
    auto db = std::to_string(server.db);
    if (server.db != 0) commands.push_back({"SELECT", db});
    commands.push_back({"PING"});
    for (const auto& command : commands) {
        auto reply = co_await ask(command, deadline);
        if (!reply) co_return propagate(reply);
        if (reply->is_error()) co_return std::unexpected(refusal(server, *reply));
    }
    co_return Status();
}

awaitable<Status> RedisConnection::send(std::span<const std::string_view> words, Clock::Time deadline) {
    auto command = redis_command(words);
    State::Limit limit(*state_, deadline);
    auto bytes = asio::buffer(command);
    if (state_->tls) {
        auto [code, size] = co_await asio::async_write(*state_->tls, bytes, net::kAnswer);
        co_return state_->judge(code, "cannot write to");
    }
    auto [code, size] = co_await asio::async_write(state_->socket, bytes, net::kAnswer);
    co_return state_->judge(code, "cannot write to");
}

awaitable<Result<std::optional<RedisReply>>> RedisConnection::receive(Clock::Time deadline) {
    State::Limit limit(*state_, deadline);
    auto room = asio::buffer(state_->buffer);
    for (;;) {
        auto reply = state_->reader.next();
        if (!reply) co_return propagate(reply, state_->where);
        if (*reply) co_return reply;
        Code code;
        size_t size = 0;
        if (state_->tls)
            std::tie(code, size) = co_await state_->tls->async_read_some(room, net::kAnswer);
        else
            std::tie(code, size) = co_await state_->socket.async_read_some(room, net::kAnswer);
        if (code && state_->expired) co_return std::nullopt;
        if (auto good = state_->judge(code, "cannot read from"); !good) co_return propagate(good);
        if (auto fed = state_->reader.feed({state_->buffer.data(), size}); !fed)
            co_return propagate(fed, state_->where);
    }
}

awaitable<Result<RedisReply>> RedisConnection::ask(std::span<const std::string_view> words,
                                                   Clock::Time deadline) {
    if (auto sent = co_await send(words, deadline); !sent) co_return propagate(sent);
    auto reply = co_await receive(deadline);
    if (!reply) co_return propagate(reply);
    if (!*reply) co_return fail("{} does not answer", state_->where);
    co_return **std::move(reply);
}

}  // namespace weir::discovery
