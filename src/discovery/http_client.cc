#include "discovery/http_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <cstring>
#include <limits>

#include "net/answer.h"
#include "net/asio_endpoint.h"

namespace weir::discovery {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Code = boost::system::error_code;

namespace {

constexpr size_t kMostHeader = size_t{64} << 10;
constexpr size_t kPiece = size_t{64} << 10;

std::string text_of(const Code& code) {
    if (code == asio::error::eof || code == asio::ssl::error::stream_truncated)
        return "it has closed the connection";
    auto text = code.message();
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// A header that comes in, and the body behind it.
class Incoming {
  public:
    /// `take`: null where the body is kept whole.
    explicit Incoming(const HttpClient::Take* take) : take_(take) { start(); }

    bool begun() const { return begun_; }
    bool done() const { return parser_->is_done(); }
    bool streams() const { return take_ && parser_->is_header_done() && parser_->get().result_int() == 200; }

    Status take(std::string_view bytes);
    /// The connection has ended, for some answers that is their end.
    Status end();
    /// Whether the connection is good for another request.
    bool reusable() const { return done() && parser_->keep_alive() && received_.size() == 0; }
    HttpAnswer answer();

  private:
    void start();
    Status hand_on();

    const HttpClient::Take* take_;
    bool begun_ = false;
    std::optional<http::response_parser<http::string_body>> parser_;
    boost::beast::flat_buffer received_;
};

void Incoming::start() {
    parser_.emplace();
    parser_->header_limit(kMostHeader);
    parser_->body_limit(take_ ? std::numeric_limits<uint64_t>::max() : uint64_t{HttpClient::kMostBody});
}

Status Incoming::hand_on() {
    auto& body = parser_->get().body();
    if (!streams()) {
        if (body.size() > HttpClient::kMostBody) return fail("its answer is too large");
        return {};
    }
    if (body.empty()) return {};
    auto piece = std::exchange(body, {});
    return (*take_)(piece);
}

Status Incoming::take(std::string_view bytes) {
    begun_ = true;
    auto room = received_.prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    received_.commit(bytes.size());
    while (received_.size() > 0 && !parser_->is_done()) {
        Code code;
        received_.consume(parser_->put(received_.data(), code));
        bool starved = code == http::error::need_more;
        if (code == http::error::body_limit)
            return fail("its answer is larger than {} MiB", HttpClient::kMostBody >> 20);
        if (code && !starved) return fail("its answer is not HTTP: {}", code.message());
        if (parser_->is_header_done() && parser_->get().result_int() / 100 == 1) {
            start();  // an interim answer
            continue;
        }
        // The parser makes room for a body when its first byte comes.
        if (parser_->is_header_done() && parser_->content_length().value_or(0) > HttpClient::kMostBody)
            return fail("its answer is larger than {} MiB", HttpClient::kMostBody >> 20);
        if (auto taken = hand_on(); !taken) return taken;
        if (starved && received_.size() > kMostHeader) return fail("its answer is not HTTP");
        if (starved) break;
    }
    return {};
}

Status Incoming::end() {
    Code code;
    if (parser_->is_header_done() && parser_->need_eof()) parser_->put_eof(code);
    if (!code && parser_->is_done()) return {};
    return fail("it has closed the connection within its answer");
}

HttpAnswer Incoming::answer() {
    auto& message = parser_->get();
    HttpAnswer answer{.status = message.result_int()};
    for (const auto& field : message) {
        auto name = field.name_string();
        auto value = field.value();
        answer.headers.emplace(lower({name.data(), name.size()}), std::string(value.data(), value.size()));
    }
    answer.body = std::move(message.body());
    return answer;
}

}  // namespace

/// A connection. Closed rather than cancelled at its deadline, so that what is about to start fails as well.
struct HttpClient::Line {
    explicit Line(const asio::any_io_executor& executor) : socket(executor) {}

    void limit(Clock& clock, Clock::Time deadline) {
        alarm = clock.at(deadline, [this] {
            expired = true;
            Code ignored;
            socket.close(ignored);
        });
    }

    asio::awaitable<Code> write(const std::string& text) {
        if (tls) {
            auto [code, count] = co_await asio::async_write(*tls, asio::buffer(text), net::kAnswer);
            co_return code;
        }
        auto [code, count] = co_await asio::async_write(socket, asio::buffer(text), net::kAnswer);
        co_return code;
    }

    asio::awaitable<std::pair<Code, size_t>> read(asio::mutable_buffer into) {
        if (tls) {
            auto [code, count] = co_await tls->async_read_some(into, net::kAnswer);
            co_return std::pair(code, count);
        }
        auto [code, count] = co_await socket.async_read_some(into, net::kAnswer);
        co_return std::pair(code, count);
    }

    Clock::Alarm alarm;
    bool expired = false;
    tcp::socket socket;
    std::optional<asio::ssl::stream<tcp::socket&>> tls;  // over the socket
    std::vector<char> buffer = std::vector<char>(kPiece);
};

struct HttpClient::Exchange {
    Clock::Time deadline;        // of the answer, or of a header
    Clock::Duration quiet{};     // of an answer that goes on
    const Take* take = nullptr;  // there if it may go on
};

HttpClient::HttpClient(Clock& clock, HttpUrl server, const model::Tls* tls)
    : clock_(clock),
      server_(std::move(server)),
      tls_(tls ? *tls : model::Tls()),
      lookup_(server_.host, server_.port) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

std::string HttpClient::text_of(const HttpRequest& request) const {
    auto text =
        fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir/{}\r\nAccept: application/json\r\n",
                    request.body.empty() ? "GET" : "POST", request.target, server_.authority, WEIR_VERSION);
    for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
    if (!request.body.empty())
        text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", request.body.size());
    return text + "\r\n" + request.body;
}

Result<net::TlsSession> HttpClient::start_session() {
    if (!context_) {
        auto context = net::make_tls_context({.verify = tls_.verify,
                                              .authorities = tls_.authorities.view(),
                                              .certificate = tls_.certificate.view(),
                                              .key = tls_.key.view(),
                                              .protocol = "http/1.1"});
        if (!context) return propagate(context);
        context_ = *std::move(context);
    }
    return net::start_tls(context_.get(), tls_.sni.empty() ? server_.host : tls_.sni);
}

asio::awaitable<Result<std::unique_ptr<HttpClient::Line>>> HttpClient::connect(const net::Endpoint& to,
                                                                               Clock::Time deadline) {
    auto line = std::make_unique<Line>(co_await asio::this_coro::executor);
    line->limit(clock_, deadline);
    auto [code] = co_await line->socket.async_connect(net::to_asio<tcp::endpoint>(to), net::kAnswer);
    auto why = [&] { return line->expired ? "it does not answer" : discovery::text_of(code); };
    if (code) co_return fail("cannot connect to {}: {}", to.text(), why());
    line->socket.set_option(tcp::no_delay(true), code);
    if (!server_.secure) co_return line;
    auto session = start_session();
    if (!session) co_return propagate(session);
    auto& tls = line->tls.emplace(line->socket, session->release());
    auto [refused] = co_await tls.async_handshake(asio::ssl::stream_base::client, net::kAnswer);
    if (line->expired) co_return fail("{} does not answer by TLS", to.text());
    if (refused)
        co_return fail("no TLS with {}: {}", to.text(),
                       net::handshake_failure(tls.native_handle(), tls_.sni.empty() ? server_.host : tls_.sni,
                                              discovery::text_of(refused)));
    co_return line;
}

/// The first address that answers; each has its share of the time that is left.
asio::awaitable<Result<std::unique_ptr<HttpClient::Line>>> HttpClient::connect(Clock::Time deadline) {
    auto found = co_await lookup_.run(clock_, deadline);
    if (!found) co_return propagate(found);
    constexpr size_t kMost = 4;
    auto addresses = *std::move(found);
    if (addresses.size() > kMost) addresses.erase(addresses.begin() + kMost, addresses.end());
    for (size_t left = addresses.size();; --left) {
        auto now = clock_.now();
        auto share = now + (deadline - now) / static_cast<int>(left);
        auto next = addresses[addresses.size() - left];
        auto line = co_await connect(next, share);
        if (line || left == 1) co_return line;
    }
}

asio::awaitable<Result<HttpAnswer>> HttpClient::run(const HttpRequest& request, Exchange exchange) {
    const auto text = text_of(request);
    const auto where = server_.server();
    for (;;) {
        auto line = std::exchange(kept_, nullptr);
        const bool fresh = !line;
        if (!line) {
            auto connected = co_await connect(exchange.deadline);
            if (!connected) co_return propagate(connected, where);
            line = *std::move(connected);
        }
        line->limit(clock_, exchange.deadline);
        Incoming incoming(exchange.take);
        auto code = co_await line->write(text);
        while (!code && !incoming.done()) {
            if (incoming.streams()) line->limit(clock_, clock_.now() + exchange.quiet);
            auto [failed, count] = co_await line->read(asio::buffer(line->buffer));
            code = failed;
            if (count == 0) continue;
            if (auto taken = incoming.take({line->buffer.data(), count}); !taken)
                co_return propagate(taken, where);
        }
        line->alarm.reset();
        if (line->expired && incoming.streams()) co_return incoming.answer();
        if (line->expired) co_return fail("{}: it does not answer in time", where);
        if (code && !fresh && !incoming.begun()) continue;  // closed since the last answer
        if (code && !incoming.begun()) co_return fail("{}: {}", where, discovery::text_of(code));
        if (code)
            if (auto ended = incoming.end(); !ended) co_return propagate(ended, where);
        if (incoming.reusable()) kept_ = std::move(line);
        if (incoming.streams()) co_return fail("{}: it has ended its answer", where);
        co_return incoming.answer();
    }
}

asio::awaitable<Result<HttpAnswer>> HttpClient::ask(const HttpRequest& request, Clock::Duration limit) {
    co_return co_await run(request, {.deadline = clock_.now() + limit});
}

asio::awaitable<Result<HttpAnswer>> HttpClient::follow(const HttpRequest& request, Clock::Duration limit,
                                                       Clock::Duration quiet, const Take& take) {
    co_return co_await run(request, {.deadline = clock_.now() + limit, .quiet = quiet, .take = &take});
}

}  // namespace weir::discovery
