#include "admin/server.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <list>

#include "admin/sockets.h"
#include "admin/source.h"

namespace weir::admin {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using Parser = http::request_parser<http::string_body>;
using boost::system::error_code;

constexpr auto kExpected = asio::as_tuple(asio::use_awaitable);

struct Server::Worker {
    asio::thread_pool pool{1};
};

class Server::State : public std::enable_shared_from_this<State> {
  public:
    State(asio::any_io_executor executor, asio::any_io_executor worker, Handler handler, Limits limits)
        : executor_(std::move(executor)),
          worker_(std::move(worker)),
          handler_(std::move(handler)),
          limits_(limits) {}

    Status serve(UniqueFd listening, Origin origin);
    void stop_configured();
    void close();
    std::vector<Handed> hand_over();
    bool serves(const net::Endpoint& endpoint) const;

    std::optional<UnixListener> unix_listener;

  private:
    struct Listener {
        Acceptor acceptor;
        bool over_tcp = false;
        Origin origin = Origin::inherited;
        size_t connections = 0;
        std::optional<net::Endpoint> endpoint;
    };

    static asio::awaitable<void> accept_all(std::shared_ptr<State> self, std::shared_ptr<Listener> listener);
    static asio::awaitable<void> serve_one(std::shared_ptr<State> self, std::shared_ptr<Listener> listener,
                                           Stream stream);
    static asio::awaitable<void> session(std::shared_ptr<State> self, bool over_tcp, Stream& stream);
    static asio::awaitable<Response> answer(std::shared_ptr<State> self, const Parser& parser, bool over_tcp,
                                            int socket);
    static asio::awaitable<bool> write(const Limits& limits, Stream& stream, Response response,
                                       bool keep_alive);
    static asio::awaitable<void> write_as_it_comes(std::shared_ptr<State> self, Stream& stream,
                                                   Response response);

    asio::any_io_executor executor_;
    asio::any_io_executor worker_;
    Handler handler_;  // empty when the server is gone
    Limits limits_;
    std::list<std::shared_ptr<Listener>> listeners_;
    std::list<Stream*> streams_;  // of the sessions that run
};

namespace {

asio::awaitable<Response> run(Rendering rendering) {
    co_return rendering();
}

/// What to answer to bytes that are no good request; status 0: nothing, the client is gone or too slow.
Response complaint(error_code code) {
    if (code == http::error::body_limit) return error(413, "the body is too large");
    if (code == http::error::header_limit) return error(431, "the header is too large");
    static const auto& kHttp = http::make_error_code(http::error::bad_method).category();
    bool malformed = code.category() == kHttp && code != http::error::end_of_stream &&
                     code != http::error::partial_message;
    if (!malformed) return {0, ""};
    return error(400, "this is no HTTP request: " + code.message());
}

template <class Fields>
void set_fields(Fields& message, const Response& response) {
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    if (!response.allow.empty()) message.set(http::field::allow, response.allow);
}

/// Whether it will send nothing any more, or is gone.
bool has_hung_up(Stream& stream) {
    char next;
    auto got = ::recv(stream.socket().native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

constexpr const char* kSummary = "X-Weir-Summary";

}  // namespace

Status Server::State::serve(UniqueFd listening, Origin origin) {
    auto family = listening_family(listening);
    if (!family) return propagate(family);
    auto listener =
        std::make_shared<Listener>(Listener{Acceptor(executor_), *family != AF_UNIX, origin, 0, {}});
    if (listener->over_tcp)
        if (auto endpoint = bound_to(listening)) listener->endpoint = *endpoint;
    error_code code;
    listener->acceptor.assign(Protocol(*family, 0), listening.get(), code);
    if (code) return fail("cannot serve socket {}: {}", listening.get(), code.message());
    listening.release();
    listeners_.push_back(listener);
    asio::co_spawn(executor_, accept_all(shared_from_this(), listener), asio::detached);
    return {};
}

bool Server::State::serves(const net::Endpoint& endpoint) const {
    for (const auto& listener : listeners_)
        if (listener->endpoint == endpoint) return true;
    return false;
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
    handler_ = nullptr;
    unix_listener.reset();
    error_code ignored;
    for (const auto& listener : listeners_) listener->acceptor.close(ignored);
    listeners_.clear();
    for (auto* stream : streams_) stream->close();
}

std::vector<Handed> Server::State::hand_over() {
    std::vector<Handed> sockets;
    for (const auto& listener : listeners_) {
        UniqueFd copy(::fcntl(listener->acceptor.native_handle(), F_DUPFD_CLOEXEC, 0));
        if (copy) sockets.push_back({listener->origin, std::move(copy)});
    }
    if (unix_listener) unix_listener->leave_file();
    close();
    return sockets;
}

asio::awaitable<void> Server::State::accept_all(std::shared_ptr<State> self,
                                                std::shared_ptr<Listener> listener) {
    while (listener->acceptor.is_open()) {
        auto [code, socket] = co_await listener->acceptor.async_accept(kExpected);
        if (!listener->acceptor.is_open()) co_return;
        if (code) {
            // Most likely no descriptors are left: to try again at once would only spin.
            asio::steady_timer pause(self->executor_, std::chrono::milliseconds(100));
            co_await pause.async_wait(kExpected);
            continue;
        }
        if (listener->connections >= self->limits_.connections) continue;
        Stream stream(std::move(socket));
        asio::co_spawn(self->executor_, serve_one(self, listener, std::move(stream)), asio::detached);
    }
}

asio::awaitable<void> Server::State::serve_one(std::shared_ptr<State> self,
                                               std::shared_ptr<Listener> listener, Stream stream) {
    ++listener->connections;
    auto place = self->streams_.insert(self->streams_.end(), &stream);
    try {
        co_await session(self, listener->over_tcp, stream);
    } catch (const std::exception& problem) {
        spdlog::warn("admin: a session ended: {}", problem.what());
    }
    self->streams_.erase(place);
    --listener->connections;
}

asio::awaitable<void> Server::State::session(std::shared_ptr<State> self, bool over_tcp, Stream& stream) {
    const auto& limits = self->limits_;
    beast::flat_buffer buffer(limits.header_bytes + limits.body_bytes);
    for (bool keep_alive = true; keep_alive && self->handler_;) {
        Parser parser;
        parser.header_limit(static_cast<uint32_t>(limits.header_bytes));
        parser.body_limit(limits.body_bytes);
        stream.expires_after(limits.request_time);
        auto [code, bytes] = co_await http::async_read(stream, buffer, parser, kExpected);
        if (!self->handler_) co_return;
        Response response = complaint(code);
        if (code && response.status == 0) co_return;
        keep_alive = !code && parser.keep_alive();
        if (!code) response = co_await answer(self, parser, over_tcp, stream.socket().native_handle());
        if (response.source) co_return co_await write_as_it_comes(self, stream, std::move(response));
        bool written = co_await write(limits, stream, std::move(response), keep_alive);
        if (!written) co_return;
    }
    error_code ignored;
    stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
}

asio::awaitable<Response> Server::State::answer(std::shared_ptr<State> self, const Parser& parser,
                                                bool over_tcp, int socket) {
    const auto& message = parser.get();
    auto request = parse_target(std::string_view(message.target().data(), message.target().size()));
    if (!request) co_return error(400, request.error().message);
    request->method = std::string(message.method_string());
    request->body = message.body();
    request->over_tcp = over_tcp;
    request->host = std::string(message[http::field::host]);
    request->marked = message.count("X-Weir") > 0;
    request->last_event_id = std::string(message["Last-Event-ID"]);
    auto refusal = guard(*request);
    if (refusal.status != 0) co_return refusal;
    if (request->method != "GET") request->from = peer_of(socket);
    Rendering rendering = self->handler_(*request);
    auto work = run(std::move(rendering));
    co_return co_await asio::co_spawn(self->worker_, std::move(work), asio::use_awaitable);
}

asio::awaitable<bool> Server::State::write(const Limits& limits, Stream& stream, Response response,
                                           bool keep_alive) {
    http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
    set_fields(message, response);
    message.body() = std::move(response.body);
    message.keep_alive(keep_alive);
    message.prepare_payload();
    stream.expires_after(limits.answer_time);
    auto [code, bytes] = co_await http::async_write(stream, message, kExpected);
    co_return !code;
}

asio::awaitable<void> Server::State::write_as_it_comes(std::shared_ptr<State> self, Stream& stream,
                                                       Response response) {
    http::response<http::empty_body> head(static_cast<http::status>(response.status), 11);
    set_fields(head, response);
    head.set(http::field::trailer, kSummary);
    head.keep_alive(false);
    head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    stream.expires_after(self->limits_.answer_time);
    auto [code, sent] = co_await http::async_write_header(stream, serializer, kExpected);
    asio::steady_timer pause(self->executor_);
    while (!code && self->handler_) {
        if (has_hung_up(stream)) response.source->finish();
        auto bytes = response.source->take();
        if (!bytes) break;
        if (bytes->empty()) {
            pause.expires_after(response.source->pause());
            co_await pause.async_wait(kExpected);
            continue;
        }
        auto chunk = http::make_chunk(asio::buffer(*bytes));
        stream.expires_after(self->limits_.answer_time);
        std::tie(code, sent) = co_await asio::async_write(stream, chunk, kExpected);
    }
    if (code == beast::error::timeout) response.source->cut_off();
    if (code || !self->handler_) co_return;
    http::fields trailer;
    trailer.set(kSummary, response.source->summary());
    auto last = http::make_chunk_last(trailer);
    stream.expires_after(self->limits_.answer_time);
    std::tie(code, sent) = co_await asio::async_write(stream, last, kExpected);
}

Server::Server(asio::any_io_executor executor, Handler handler, Limits limits)
    : worker_(std::make_unique<Worker>()) {
    state_ = std::make_shared<State>(std::move(executor), worker_->pool.get_executor(), std::move(handler),
                                     limits);
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
        auto opened = admin::listen_tcp(*endpoint);
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
