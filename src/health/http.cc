// The HTTP check: one GET over HTTP/1.1 (RFC 9112), judged by the status of its answer. The body is not read,
// redirects are not followed: a redirect is an answer like any other, and where it leads is not this backend.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "health/kinds.h"

namespace weir::health {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr size_t kMostHeader = 16 * 1024;  // of an answer, interim ones (RFC 9110, 15.2) together
constexpr size_t kChunk = 1024;

std::string host_of(const model::HttpCheck& check, const net::Endpoint& vip) {
    if (!check.host.empty()) return check.host;
    if (vip.port.value() != 80) return vip.text();
    return vip.address.is_v4() ? vip.address.text() : fmt::format("[{}]", vip.address.text());
}

Verdict failed(const Connection::Code& code) {
    if (code == asio::error::timed_out) return {false, "L7TOUT"};
    if (code == asio::error::eof) return {false, "L7RSP: connection closed before an answer"};
    return {false, "L7RSP: " + text_of(code)};
}

bool is_interim(unsigned status) {
    return status / 100 == 1 && status != 101;
}

/// An answer's header as it comes in, in pieces.
class Answer {
  public:
    Answer() { start(); }

    /// The status once the header is complete; error::need_more until then.
    unsigned take(boost::beast::flat_buffer& received, Connection::Code& code) {
        while (received.size() > 0) {
            received.consume(parser_->put(received.data(), code));
            if (code || !parser_->is_header_done()) break;
            auto status = parser_->get().result_int();
            if (!is_interim(status)) return status;
            start();
        }
        if (!code) code = http::error::need_more;
        return 0;
    }

  private:
    void start() {
        parser_.emplace();
        parser_->header_limit(kMostHeader);
        parser_->body_limit(boost::none);  // whatever length it announces: nobody reads it
    }

    std::optional<http::response_parser<http::empty_body>> parser_;
};

asio::awaitable<Verdict> read_answer(const model::HttpCheck& check, Connection& connection) {
    Answer answer;
    boost::beast::flat_buffer received;
    for (size_t total = 0; total < kMostHeader;) {
        size_t filled = 0;
        auto room = received.prepare(std::min(kChunk, kMostHeader - total));
        auto code = co_await connection.read_some(room, &filled);
        if (code) co_return failed(code);
        received.commit(filled);
        total += filled;
        auto status = answer.take(received, code);
        if (code == http::error::need_more) continue;
        if (code) co_return failed(code);
        bool ok = std::ranges::any_of(check.expect, [status](const model::StatusRange& range) {
            return range.first <= status && status <= range.last;
        });
        co_return Verdict{ok, fmt::format("{}/{}", ok ? "L7OK" : "L7STS", status)};
    }
    co_return Verdict{false, "L7RSP: header longer than 16 KiB"};
}

}  // namespace

asio::awaitable<Verdict> run(const model::HttpCheck& check, const Errand& errand) {
    auto connection = co_await dial(errand);
    if (!connection) co_return connection.error();
    auto request = fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir-check\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        check.path, host_of(check, errand.vip));
    auto code = co_await connection->write(request);
    if (code) co_return failed(code);
    co_return co_await read_answer(check, *connection);
}

}  // namespace weir::health
