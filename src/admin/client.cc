#include "admin/client.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <csignal>

#include "admin/sockets.h"
#include "net/answer.h"

namespace weir::admin {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace {

using Stream = beast::basic_stream<asio::local::stream_protocol>;

constexpr size_t kLargestAnswer = size_t{1} << 30;

http::request<http::string_body> message_of(const Request& request) {
    http::request<http::string_body> message;
    message.method_string(request.method);
    message.target(target_of(request));
    message.version(11);
    message.set(http::field::host, "localhost");
    message.body() = request.body;
    message.keep_alive(false);
    message.prepare_payload();
    return message;
}

asio::awaitable<void> exchange(Stream& stream, const Request& request, Result<Response>& result) {
    auto message = message_of(request);
    auto [unsent, written] = co_await http::async_write(stream, message, net::kAnswer);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kLargestAnswer);
    // A server may refuse before it has read everything: its answer counts, not that the rest could not be
    // sent.
    auto [code, read] = co_await http::async_read(stream, buffer, parser, net::kAnswer);
    if (code) {
        result = fail("no answer from the daemon: {}", (unsent ? unsent : code).message());
        co_return;
    }
    const auto& answer = parser.get();
    result = Response{answer.result_int(), answer.body(), std::string(answer[http::field::content_type])};
}

asio::awaitable<void> receive(Stream& stream, const Request& request,
                              const std::function<Status(std::string_view)>& sink,
                              Result<std::string>& result) {
    auto message = message_of(request);
    auto [unsent, written] = co_await http::async_write(stream, message, net::kAnswer);
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    auto [code, read] = co_await http::async_read_header(stream, buffer, parser, net::kAnswer);
    if (code) {
        result = fail("no answer from the daemon: {}", (unsent ? unsent : code).message());
        co_return;
    }
    const bool refused = parser.get().result_int() != 200;
    std::string refusal;
    char bytes[16384];
    while (!code && !parser.is_done()) {
        parser.get().body().data = bytes;
        parser.get().body().size = sizeof bytes;
        std::tie(code, read) = co_await http::async_read_some(stream, buffer, parser, net::kAnswer);
        if (code == http::error::need_buffer) code = {};
        std::string_view got(bytes, sizeof bytes - parser.get().body().size);
        if (refused)
            refusal += got;
        else if (auto taken = sink(got); !taken) {
            result = propagate(taken);
            co_return;
        }
    }
    if (code)
        result = fail("the daemon broke off: {}", code.message());
    else if (refused)
        result = fail("{}", complaint_in({parser.get().result_int(), refusal}));
    else
        result = std::string(parser.get()["X-Weir-Summary"]);
}

}  // namespace

std::string complaint_in(const Response& response) {
    boost::system::error_code code;
    auto answer = boost::json::parse(response.body, code);
    if (!code && answer.is_object() && answer.get_object().contains("error"))
        return std::string(answer.at("error").as_string());
    return fmt::format("the daemon answered with status {}", response.status);
}

Result<std::optional<Client>> Client::find(const std::string& socket_path) {
    auto address = unix_address(socket_path);
    if (!address) return propagate(address);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_with(errno, "cannot open a unix socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) == 0)
        return Client(std::move(socket));
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    return fail_with(errno, "cannot reach the daemon at {}", socket_path);
}

Result<Client> Client::connect(const std::string& socket_path) {
    auto found = find(socket_path);
    if (!found) return propagate(found);
    if (!*found) return fail("no daemon at {} (is it running? `weir run -c FILE`)", socket_path);
    return *std::move(*found);
}

Result<Response> Client::call(const Request& request, std::chrono::milliseconds timeout) {
    asio::io_context loop(1);
    Stream stream(loop);
    stream.socket().assign(asio::local::stream_protocol(), socket_.release());
    stream.expires_after(timeout);
    Result<Response> result = fail("no answer from the daemon");
    std::exception_ptr broken;
    asio::co_spawn(loop, exchange(stream, request, result),
                   [&](const std::exception_ptr& thrown) { broken = thrown; });
    loop.run();
    if (broken) return fail("no answer from the daemon");
    return result;
}

Result<std::string> Client::stream(const Request& request,
                                   const std::function<Status(std::string_view)>& sink,
                                   std::chrono::milliseconds farewell) {
    asio::io_context loop(1);
    Stream stream(loop);
    stream.socket().assign(asio::local::stream_protocol(), socket_.release());
    Result<std::string> result = fail("no answer from the daemon");
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    asio::steady_timer deadline(loop);
    signals.async_wait([&](boost::system::error_code code, int) {
        if (code) return;
        signals.clear(code);
        stream.socket().shutdown(asio::socket_base::shutdown_send, code);
        deadline.expires_after(farewell);
        deadline.async_wait([&](boost::system::error_code met) {
            if (!met) stream.close();
        });
    });
    asio::co_spawn(loop, receive(stream, request, sink, result), [&](const std::exception_ptr& thrown) {
        if (thrown) result = fail("no answer from the daemon");
        signals.cancel();
        deadline.cancel();
    });
    loop.run();
    return result;
}

}  // namespace weir::admin
