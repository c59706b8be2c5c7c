// HTTP/1.1 as the sources speak it: one server, plain or by TLS, one request at a time, the connection kept
// from one to the next. Every request here only asks, so one that met a connection which the server had
// closed meanwhile is sent again. Redirections are not followed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/tls.h"
#include "net/lookup.h"
#include "net/tls.h"

namespace weir::discovery {

/// `http://HOST[:PORT][/PATH]` or `https://…`, without user, password and fragment.
struct HttpUrl {
    bool secure = false;
    std::string host{};  // a name, or an address without brackets
    net::Port port{80};
    std::string authority{};  // as the Host header has it
    std::string target{};     // the path, at least "/", and the query

    static Result<HttpUrl> parse(std::string_view text);
    /// For messages: without the path and the query.
    std::string server() const;

    bool operator==(const HttpUrl&) const = default;
};

/// Whether it can stand in a header: printable, in one line.
bool is_header_text(std::string_view text);

/// For a query: what has a meaning of its own in a URL is written as %XX.
std::string escape_for_query(std::string_view text);

struct HttpRequest {
    std::string target;                                          // path and query
    std::vector<std::pair<std::string, std::string>> headers{};  // beside Host and those of the body
    std::string body{};                                          // JSON; with one it is a POST, else a GET
};

struct HttpAnswer {
    unsigned status = 0;
    std::map<std::string, std::string> headers{};  // names in lower case
    std::string body{};

    bool ok() const { return status / 100 == 2; }
    /// The header's text; "" where it is not there.
    std::string header(const std::string& name) const;
    /// For messages: the status, and how the body begins.
    std::string complaint() const;
};

class HttpClient {
  public:
    /// Takes a piece of a body. Who gives an error takes no more.
    using Take = std::function<Status(std::string_view piece)>;

    static constexpr size_t kMostBody = size_t{16} << 20;

    /// `tls`: null where the operator says nothing of it. The clock outlives the client.
    HttpClient(Clock& clock, HttpUrl server, const model::Tls* tls);
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;

    /// The whole answer, whatever its status. Fails, saying where, when it is not there after `limit`.
    /// Throws where its coroutine is cancelled. The request outlives the coroutine.
    boost::asio::awaitable<Result<HttpAnswer>> ask(const HttpRequest& request, Clock::Duration limit);

    /// An answer that goes on: `take` gets what comes of a body with status 200. Ends without an error when
    /// nothing has come for `quiet`; the answer is then without a body. Another status: as ask().
    boost::asio::awaitable<Result<HttpAnswer>> follow(const HttpRequest& request, Clock::Duration limit,
                                                      Clock::Duration quiet, const Take& take);

    const HttpUrl& server() const { return server_; }

  private:
    struct Line;
    struct Exchange;

    boost::asio::awaitable<Result<HttpAnswer>> run(const HttpRequest& request, Exchange exchange);
    boost::asio::awaitable<Result<std::unique_ptr<Line>>> connect(Clock::Time deadline);
    boost::asio::awaitable<Result<std::unique_ptr<Line>>> connect(const net::Endpoint& to,
                                                                  Clock::Time deadline);
    Result<net::TlsSession> start_session();
    std::string text_of(const HttpRequest& request) const;

    Clock& clock_;
    HttpUrl server_;
    model::Tls tls_;
    net::Lookup lookup_;
    net::TlsContext context_;
    std::unique_ptr<Line> kept_;
};

}  // namespace weir::discovery
