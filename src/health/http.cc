// The HTTP check: one request over HTTP/1.1 (RFC 9112), judged by the status of its answer and, where that is
// asked for, by its body. Redirects are not followed: a redirect is an answer like any other, and where it
// leads is not this backend.
#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "health/excerpt.h"
#include "health/exchange.h"

namespace weir::health {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr size_t kMostHeader = size_t{16} * 1024;  // of an answer, interim ones (RFC 9110, 15.2) together
constexpr size_t kMostBody = size_t{64} * 1024;
constexpr size_t kMostAnswer = kMostHeader + 4 * kMostBody;  // with what frames the chunks of a body
constexpr size_t kChunk = 4096;

std::string host_of(const model::HttpCheck& check, const net::Endpoint& vip, uint16_t usual_port) {
    if (!check.host.empty()) return check.host;
    if (vip.port.value() != usual_port) return vip.text();
    return vip.address.is_v4() ? vip.address.text() : fmt::format("[{}]", vip.address.text());
}

std::string request_of(const model::HttpCheck& check, const std::string& host) {
    auto text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", model::to_text(check.method), check.path, host);
    auto add = [&](std::string_view name, std::string_view value) {
        bool given = std::ranges::any_of(
            check.headers, [name](const auto& header) { return boost::iequals(header.first, name); });
        if (!given) text += fmt::format("{}: {}\r\n", name, value);
    };
    add("User-Agent", "weir-check");
    add("Accept", "*/*");
    for (const auto& [name, value] : check.headers) text += fmt::format("{}: {}\r\n", name, value);
    return text + "Connection: close\r\n\r\n";
}

bool is_interim(unsigned status) {
    return status / 100 == 1 && status != 101;
}

/// A body of which the beginning is kept, whatever length it announces.
struct Beginning {
    using value_type = std::string;

    class reader {
      public:
        template <bool IsRequest, class Fields>
        reader(http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

        void init(const boost::optional<uint64_t>&, Connection::Code& code) { code = {}; }

        template <class Buffers>
        size_t put(const Buffers& buffers, Connection::Code& code) {
            code = {};
            for (auto buffer : boost::beast::buffers_range_ref(buffers))
                body_.append(static_cast<const char*>(buffer.data()),
                             std::min(buffer.size(), kMostBody - body_.size()));
            return asio::buffer_size(buffers);
        }

        void finish(Connection::Code& code) { code = {}; }

      private:
        value_type& body_;
    };
};

/// An answer as it comes in, in pieces.
class Answer {
  public:
    explicit Answer(const model::HttpCheck& check) : check_(check) { start(); }

    /// True once all is there that is judged.
    bool take(boost::beast::flat_buffer& received, Connection::Code& code) {
        while (received.size() > 0 && !is_whole()) {
            received.consume(parser_->put(received.data(), code));
            if (code == http::error::need_more) {
                code = {};
                break;
            }
            if (code) break;
            if (has_header() && is_interim(status())) start();
        }
        return is_whole();
    }

    /// The connection has ended: true if the answer has, too.
    bool end() {
        Connection::Code code;
        if (has_header()) parser_->put_eof(code);
        return has_header() && !code;
    }

    bool has_header() const { return parser_->is_header_done(); }

    Verdict judge() const {
        if (!is_expected()) return {false, fmt::format("L7STS/{}", status())};
        if (!parser_->get().body().contains(check_.body))
            return {false, fmt::format("L7RSP: body does not contain '{}'", excerpt(check_.body))};
        return {true, fmt::format("L7OK/{}", status())};
    }

  private:
    unsigned status() const { return parser_->get().result_int(); }
    bool is_expected() const {
        return std::ranges::any_of(check_.expect, [status = status()](const model::StatusRange& range) {
            return range.first <= status && status <= range.last;
        });
    }
    bool is_whole() const {
        if (!has_header() || is_interim(status())) return false;
        return check_.body.empty() || !is_expected() || parser_->is_done() ||
               parser_->get().body().size() == kMostBody;
    }
    void start() {
        parser_.emplace();
        parser_->header_limit(kMostHeader);
        parser_->body_limit(boost::none);
        parser_->skip(check_.method == model::HttpMethod::head);
    }

    const model::HttpCheck& check_;
    std::optional<http::response_parser<Beginning>> parser_;
};

Verdict failed(const Connection::Code& code, Answer& answer) {
    if (code != asio::error::eof) return no_answer(code);
    if (answer.end()) return answer.judge();
    return {false, answer.has_header() ? "L7RSP: connection closed within the body"
                                       : "L7RSP: connection closed before an answer"};
}

asio::awaitable<Verdict> read_answer(const model::HttpCheck& check, Connection& connection) {
    Answer answer(check);
    boost::beast::flat_buffer received;
    size_t total = 0;
    while (total < (answer.has_header() ? kMostAnswer : kMostHeader)) {
        size_t filled = 0;
        auto room = received.prepare(kChunk);
        auto code = co_await connection.read_some(room, &filled);
        if (code) co_return failed(code, answer);
        received.commit(filled);
        total += filled;
        if (answer.take(received, code)) co_return answer.judge();
        if (code) co_return no_answer(code);
    }
    co_return Verdict{
        false, answer.has_header() ? "L7RSP: more framing than body" : "L7RSP: header longer than 16 KiB"};
}

}  // namespace

asio::awaitable<Verdict> exchange(const model::HttpCheck& check, const net::Endpoint& vip,
                                  uint16_t usual_port, Connection& connection) {
    auto request = request_of(check, host_of(check, vip, usual_port));
    auto code = co_await connection.write(request);
    if (code) co_return no_answer(code);
    co_return co_await read_answer(check, connection);
}

asio::awaitable<Verdict> run(const model::HttpCheck& check, const Errand& errand) {
    auto connection = co_await dial(errand);
    if (!connection) co_return connection.error();
    co_return co_await exchange(check, errand.vip, 80, *connection);
}

}  // namespace weir::health
