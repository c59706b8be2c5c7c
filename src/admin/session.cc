#include "admin/session.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "admin/source.h"
#include "admin/tls.h"
#include "net/answer.h"

namespace weir::admin {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace {

using Encrypted = asio::ssl::stream<Connection>;
using Parser = http::request_parser<http::string_body>;
using boost::system::error_code;

constexpr const char* kSummary = "X-Weir-Summary";

asio::awaitable<Response> run(Rendering rendering) {
    co_return rendering();
}

/// What to answer to bytes that are no good request; status 0: nothing, the client is gone or too slow.
Response complaint(error_code code) {
    if (code == http::error::body_limit) return error(413, "the body is too large");
    if (code == http::error::header_limit) return error(431, "the header is too large");
    static const auto& own = http::make_error_code(http::error::bad_method).category();
    bool malformed =
        code.category() == own && code != http::error::end_of_stream && code != http::error::partial_message;
    if (!malformed) return {0, ""};
    return error(400, "this is no HTTP request: " + code.message());
}

template <class Fields>
void set_fields(Fields& message, const Response& response) {
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) message.set(name, value);
}

std::string text_of(beast::string_view text) {
    return {text.data(), text.size()};
}

/// With a client's part in a connection.
class Patience {
  public:
    Patience(Clock& clock, Connection& connection) : clock_(clock), connection_(connection) {}

    /// It ends after this time, unless what is returned goes before: the connection is closed then, and what
    /// waits for the client fails.
    [[nodiscard]] Clock::Alarm within(std::chrono::milliseconds limit) {
        return clock_.after(limit, [this] {
            is_over_ = true;
            error_code ignored;
            connection_.close(ignored);
        });
    }
    bool is_over() const { return is_over_; }

  private:
    Clock& clock_;
    Connection& connection_;
    bool is_over_ = false;
};

/// The session over a plain or an encrypted stream.
template <class Stream>
class Session {
  public:
    Session(Sessions& all, Stream& stream, const Peer& peer, Patience& patience)
        : all_(all), stream_(stream), peer_(peer), patience_(patience), generation_(all.gate.generation()) {}

    asio::awaitable<void> converse();

  private:
    bool has_to_go();
    Response admit(const Parser& parser, Request& request);
    asio::awaitable<Response> answer(Request request);
    asio::awaitable<bool> write(Response response, bool keep_alive, bool head_only);
    asio::awaitable<void> write_as_it_comes(Response response);

    Sessions& all_;
    Stream& stream_;
    const Peer peer_;
    Patience& patience_;
    uint64_t generation_;  // of the tokens that the last request was let in by
};

template <class Stream>
asio::awaitable<void> Session<Stream>::converse() {
    const auto& limits = all_.limits;
    beast::flat_buffer buffer(limits.header_bytes + limits.body_bytes);
    for (bool keep_alive = true; keep_alive && all_.handler;) {
        Parser parser;
        parser.header_limit(static_cast<uint32_t>(limits.header_bytes));
        parser.body_limit(limits.body_bytes);
        auto in_time = patience_.within(limits.request_time);
        auto [code, bytes] = co_await http::async_read_header(stream_, buffer, parser, net::kAnswer);
        if (!all_.handler) co_return;
        Request request;
        Response response = code ? complaint(code) : admit(parser, request);
        if (!code && response.status == 0 && !parser.is_done()) {  // only of who gets in: it may be long
            std::tie(code, bytes) = co_await http::async_read(stream_, buffer, parser, net::kAnswer);
            if (!all_.handler) co_return;
            response = complaint(code);
        }
        if (code && response.status == 0) co_return;
        in_time.reset();
        keep_alive = !code && parser.is_done() && parser.keep_alive();
        const bool head_only = parser.get().method() == http::verb::head;
        if (response.status == 0) {
            request.body = std::move(parser.get().body());
            response = co_await answer(std::move(request));
        }
        if (head_only) response.source.reset();
        if (response.source) co_return co_await write_as_it_comes(std::move(response));
        bool written = co_await write(std::move(response), keep_alive, head_only);
        if (!written) co_return;
    }
}

/// What the header says of a request, and the answer where it does not get in; status 0 where it does.
template <class Stream>
Response Session<Stream>::admit(const Parser& parser, Request& request) {
    const auto& message = parser.get();
    auto target = parse_target(text_of(message.target()));
    if (!target) return error(400, target.error().message);
    request = std::move(*target);
    request.method = message.method() == http::verb::head ? "GET" : text_of(message.method_string());
    request.over_tcp = !peer_.user;
    request.host = text_of(message[http::field::host]);
    request.marked = message.count("X-Weir") > 0;
    request.authorization = text_of(message[http::field::authorization]);
    request.last_event_id = text_of(message["Last-Event-ID"]);
    auto refusal = all_.gate.admit(peer_, request);
    if (refusal.status != 0) return refusal;
    generation_ = all_.gate.generation();
    if (request.method != "GET") request.from = name_of(peer_);
    return {0, ""};
}

template <class Stream>
asio::awaitable<Response> Session<Stream>::answer(Request request) {
    Rendering rendering = all_.handler(request);
    auto work = run(std::move(rendering));
    co_return co_await asio::co_spawn(all_.worker, std::move(work), asio::use_awaitable);
}

template <class Stream>
asio::awaitable<bool> Session<Stream>::write(Response response, bool keep_alive, bool head_only) {
    http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
    set_fields(message, response);
    message.body() = std::move(response.body);
    message.keep_alive(keep_alive);
    message.prepare_payload();
    if (head_only) message.body().clear();  // it is what a GET would get, down to its length
    const auto in_time = patience_.within(all_.limits.answer_time);
    auto [code, bytes] = co_await http::async_write(stream_, message, net::kAnswer);
    co_return !code;
}

/// The client will send nothing any more, or is gone, or the token that let it in has changed.
template <class Stream>
bool Session<Stream>::has_to_go() {
    if (!peer_.user && generation_ != all_.gate.generation()) return true;
    pollfd state{.fd = beast::get_lowest_layer(stream_).native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&state, 1, 0) > 0;
}

template <class Stream>
asio::awaitable<void> Session<Stream>::write_as_it_comes(Response response) {
    http::response<http::empty_body> head(static_cast<http::status>(response.status), 11);
    set_fields(head, response);
    head.set(http::field::trailer, kSummary);
    head.keep_alive(false);
    head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    auto in_time = patience_.within(all_.limits.answer_time);
    auto [code, sent] = co_await http::async_write_header(stream_, serializer, net::kAnswer);
    in_time.reset();
    asio::steady_timer pause(all_.executor);
    while (!code && all_.handler) {
        if (has_to_go()) response.source->finish();
        auto bytes = response.source->take();
        if (!bytes) break;
        if (bytes->empty()) {
            pause.expires_after(response.source->pause());
            co_await pause.async_wait(net::kAnswer);
            continue;
        }
        auto chunk = http::make_chunk(asio::buffer(*bytes));
        in_time = patience_.within(all_.limits.answer_time);
        std::tie(code, sent) = co_await asio::async_write(stream_, chunk, net::kAnswer);
        in_time.reset();
    }
    if (patience_.is_over()) response.source->cut_off();
    if (code || !all_.handler) co_return;
    http::fields trailer;
    trailer.set(kSummary, response.source->summary());
    auto last = http::make_chunk_last(trailer);
    in_time = patience_.within(all_.limits.answer_time);
    std::tie(code, sent) = co_await asio::async_write(stream_, last, net::kAnswer);
}

/// To close on what was not read would be a reset, which may overtake the answer: the client gets some time
/// to see it and close.
asio::awaitable<void> part(const Sessions& all, Connection& connection, Patience& patience) {
    error_code code;
    connection.shutdown(asio::socket_base::shutdown_send, code);
    std::array<char, 4096> unread;
    auto room = asio::buffer(unread);
    const auto in_time = patience.within(all.limits.farewell_time);
    for (size_t read = 0, size = 0; !code && all.handler && read < all.limits.body_bytes; read += size)
        std::tie(code, size) = co_await connection.async_read_some(room, net::kAnswer);
}

asio::awaitable<void> serve_plain(Sessions& all, Connection& connection, const Peer& peer) {
    Patience patience(all.clock, connection);
    Session<Connection> session(all, connection, peer, patience);
    co_await session.converse();
    co_await part(all, connection, patience);
}

asio::awaitable<void> serve_encrypted(Sessions& all, Encrypted& stream, const Peer& peer) {
    if (!all.gate.admits_handshake(peer)) co_return;
    Patience patience(all.clock, stream.next_layer());
    auto in_time = patience.within(all.limits.handshake_time);
    auto [code] = co_await stream.async_handshake(asio::ssl::stream_base::server, net::kAnswer);
    if (code && all.handler)
        all.gate.tally().count(patience.is_over() ? TlsFailure::timeout : failure_of(code));
    if (code) co_return;
    in_time.reset();
    Session<Encrypted> session(all, stream, peer, patience);
    co_await session.converse();
    // Says that the end is no cut; the client's word on that is not waited for long.
    in_time = patience.within(all.limits.farewell_time);
    std::tie(code) = co_await stream.async_shutdown(net::kAnswer);
    in_time.reset();
    if (code) co_await part(all, stream.next_layer(), patience);
}

/// Makes the server close the connection when it goes.
class Open {
  public:
    Open(Sessions& all, Connection& connection)
        : all_(all), place_(all.open.insert(all.open.end(), &connection)) {}
    ~Open() { all_.open.erase(place_); }
    Open(const Open&) = delete;

  private:
    Sessions& all_;
    std::list<Connection*>::iterator place_;
};

}  // namespace

asio::awaitable<void> serve(std::shared_ptr<Sessions> all, Connection connection, Peer peer) {
    try {
        auto tls = peer.user ? nullptr : all->tls;
        if (tls) {
            Encrypted stream(std::move(connection), *tls);
            Open open(*all, stream.next_layer());
            co_await serve_encrypted(*all, stream, peer);
        } else {
            Open open(*all, connection);
            co_await serve_plain(*all, connection, peer);
        }
    } catch (const std::exception& problem) {
        spdlog::warn("admin: a session ended: {}", problem.what());
    }
}

}  // namespace weir::admin
