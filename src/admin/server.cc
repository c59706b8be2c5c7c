#include "admin/server.h"

#include <spdlog/spdlog.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>

#include "admin/session.h"
#include "admin/tls.h"
#include "net/answer.h"

namespace weir::admin {
namespace asio = boost::asio;

using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using boost::system::error_code;

struct Server::Worker {
    asio::thread_pool pool{1};
};

class Server::State : public std::enable_shared_from_this<State> {
  public:
    State(asio::any_io_executor executor, asio::any_io_executor worker, Clock& clock, Handler handler,
          Limits limits, const Rates& rates)
        : sessions_(std::make_shared<Sessions>(Sessions{std::move(executor), std::move(worker), clock,
                                                        std::move(handler), limits, Gate(rates)})) {}

    Status protect(const model::Admin& admin);
    Status serve(UniqueFd listening, Origin origin);
    Result<UniqueFd> listen(const net::Endpoint& endpoint);
    void stop_configured();
    void close();
    std::vector<Handed> hand_over();
    bool serves(const net::Endpoint& endpoint) const;
    const Tally& tally() const { return sessions_->gate.tally(); }

    std::optional<UnixListener> unix_listener;

  private:
    struct Listener {
        Acceptor acceptor;
        Origin origin = Origin::inherited;
        std::optional<net::Endpoint> endpoint{};  // of TCP
        size_t connections = 0;
        std::map<std::string, size_t> clients{};  // the connections of each
    };

    static asio::awaitable<void> accept_all(std::shared_ptr<State> self, std::shared_ptr<Listener> listener);
    static asio::awaitable<void> serve_one(std::shared_ptr<Sessions> sessions,
                                           std::shared_ptr<Listener> listener, Connection connection);
    std::optional<net::Endpoint> configured() const;
    bool is_safe(const Listener& listener) const;
    void warn_of(const Listener& listener) const;

    std::shared_ptr<Sessions> sessions_;
    std::list<std::shared_ptr<Listener>> listeners_;
    model::Admin admin_;  // whose certificate and tokens count
};

/// Beyond loopback nobody is served who need not show a token, or shows it to everybody on the way.
bool Server::State::is_safe(const Listener& listener) const {
    bool local = !listener.endpoint || listener.endpoint->address.is_loopback();
    return local || (sessions_->tls && sessions_->gate.has_tokens());
}

/// Of a socket that was handed over; one that is configured goes when the configuration has another.
void Server::State::warn_of(const Listener& listener) const {
    if (listener.origin == Origin::inherited && !is_safe(listener))
        spdlog::error("nobody is served at {}, which is not on loopback; give admin: tls: and token:",
                      listener.endpoint->text());
}

Status Server::State::protect(const model::Admin& admin) {
    if (admin.certificate.empty()) {
        sessions_->tls.reset();
    } else if (admin.certificate != admin_.certificate || admin.key != admin_.key || !sessions_->tls) {
        auto context = server_context(admin.certificate, admin.key);
        if (!context) return propagate(context);
        sessions_->tls = std::move(*context);
    }
    sessions_->gate.set_tokens(admin.viewer_token, admin.operator_token);
    admin_ = admin;
    for (const auto& listener : listeners_) warn_of(*listener);
    return {};
}

Status Server::State::serve(UniqueFd listening, Origin origin) {
    auto family = listening_family(listening);
    if (!family) return propagate(family);
    auto listener = std::make_shared<Listener>(Listener{Acceptor(sessions_->executor), origin});
    if (*family != AF_UNIX) {
        auto endpoint = bound_to(listening);
        if (!endpoint) return propagate(endpoint);
        listener->endpoint = *endpoint;
    }
    warn_of(*listener);
    error_code code;
    listener->acceptor.assign(Protocol(*family, 0), listening.get(), code);
    if (code) return fail("cannot serve socket {}: {}", listening.get(), code.message());
    listening.release();
    listeners_.push_back(listener);
    asio::co_spawn(sessions_->executor, accept_all(shared_from_this(), listener), asio::detached);
    return {};
}

bool Server::State::serves(const net::Endpoint& endpoint) const {
    for (const auto& listener : listeners_)
        if (listener->endpoint == endpoint) return true;
    return false;
}

std::optional<net::Endpoint> Server::State::configured() const {
    for (const auto& listener : listeners_)
        if (listener->origin == Origin::configured) return listener->endpoint;
    return std::nullopt;
}

/// A port may be had for all addresses or for one, not for both: then the former socket goes first, and comes
/// back where that was of no use.
Result<UniqueFd> Server::State::listen(const net::Endpoint& endpoint) {
    auto socket = admin::listen_tcp(endpoint);
    auto former = configured();
    if (socket || !former || former->port != endpoint.port) return socket;
    if (!former->address.is_unspecified() && !endpoint.address.is_unspecified()) return socket;
    stop_configured();
    socket = admin::listen_tcp(endpoint);
    if (socket) return socket;
    auto again = admin::listen_tcp(*former);
    auto back = again ? serve(std::move(*again), Origin::configured) : Status(propagate(again));
    if (!back) spdlog::error("nothing is served at {} any more: {}", former->text(), back.error().message);
    return socket;
}

void Server::State::stop_configured() {
    std::erase_if(listeners_, [](const auto& listener) {
        error_code ignored;
        bool configured = listener->origin == Origin::configured;
        if (configured) listener->acceptor.close(ignored);
        return configured;
    });
}

void Server::State::close() {
    sessions_->handler = nullptr;
    unix_listener.reset();
    error_code ignored;
    for (const auto& listener : listeners_) listener->acceptor.close(ignored);
    listeners_.clear();
    for (auto* connection : sessions_->open) connection->close(ignored);
}

std::vector<Handed> Server::State::hand_over() {
    std::vector<Handed> sockets;
    for (const auto& listener : listeners_)
        sockets.push_back(
            {listener->origin, UniqueFd(listener->acceptor.release())});  // no copy: that may fail
    listeners_.clear();
    if (unix_listener) unix_listener->leave_file();
    unix_listener.reset();
    return sockets;
}

asio::awaitable<void> Server::State::accept_all(std::shared_ptr<State> self,
                                                std::shared_ptr<Listener> listener) {
    while (listener->acceptor.is_open()) {
        auto [code, socket] = co_await listener->acceptor.async_accept(net::kAnswer);
        if (!listener->acceptor.is_open()) co_return;
        if (code) {
            // Most likely no descriptors are left: to try again at once would only spin.
            asio::steady_timer pause(self->sessions_->executor, std::chrono::milliseconds(100));
            co_await pause.async_wait(net::kAnswer);
            continue;
        }
        bool full = listener->connections >= self->sessions_->limits.connections;
        if (full || !self->is_safe(*listener)) continue;
        Connection connection(std::move(socket));
        asio::co_spawn(self->sessions_->executor, serve_one(self->sessions_, listener, std::move(connection)),
                       asio::detached);
    }
}

asio::awaitable<void> Server::State::serve_one(std::shared_ptr<Sessions> sessions,
                                               std::shared_ptr<Listener> listener, Connection connection) {
    auto peer = peer_of(connection.native_handle());
    if (!peer.user && !peer.address) co_return;
    auto client = client_of(peer);
    if (peer.address && listener->clients[client] >= sessions->limits.client_connections) co_return;
    ++listener->connections;
    ++listener->clients[client];
    co_await admin::serve(sessions, std::move(connection), peer);
    --listener->connections;
    if (--listener->clients[client] == 0) listener->clients.erase(client);
}

Server::Server(asio::any_io_executor executor, Clock& clock, Handler handler, Limits limits,
               const Rates& rates)
    : worker_(std::make_unique<Worker>()) {
    state_ = std::make_shared<State>(std::move(executor), worker_->pool.get_executor(), clock,
                                     std::move(handler), limits, rates);
}

Status Server::protect(const model::Admin& admin) {
    return state_->protect(admin);
}

const Tally& Server::tally() const {
    return state_->tally();
}

Server::~Server() {
    state_->close();
}

Status Server::listen_unix(const std::string& path) {
    auto listener = UnixListener::open(path);
    if (!listener) return propagate(listener);
    state_->unix_listener.emplace(std::move(*listener));
    return state_->serve(state_->unix_listener->take_socket(), Origin::file);
}

Status Server::listen_tcp(const std::optional<net::Endpoint>& endpoint) {
    if (endpoint && state_->serves(*endpoint)) return {};
    std::optional<UniqueFd> socket;
    if (endpoint) {
        auto opened = state_->listen(*endpoint);
        if (!opened) return propagate(opened);
        socket = std::move(*opened);
    }
    state_->stop_configured();
    return socket ? state_->serve(std::move(*socket), Origin::configured) : Status{};
}

Status Server::adopt(Handed handed, const std::string& path) {
    if (handed.origin == Origin::file) {
        auto listener = UnixListener::adopt(std::move(handed.socket), path);
        if (!listener) return propagate(listener);
        handed.socket = listener->take_socket();
        state_->unix_listener.emplace(std::move(*listener));
    }
    return state_->serve(std::move(handed.socket), handed.origin);
}

std::vector<Handed> Server::hand_over() {
    return state_->hand_over();
}

}  // namespace weir::admin
