#include "admin/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstring>

namespace weir::admin {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace {

using Stream = beast::basic_stream<asio::local::stream_protocol>;

constexpr auto kExpected = asio::as_tuple(asio::use_awaitable);
constexpr size_t kLargestAnswer = size_t{1} << 30;

asio::awaitable<void> exchange(Stream& stream, const Request& request, Result<Response>& result) {
    http::request<http::string_body> message;
    message.method_string(request.method);
    message.target(target_of(request));
    message.version(11);
    message.set(http::field::host, "localhost");
    message.body() = request.body;
    message.keep_alive(false);
    message.prepare_payload();
    auto [unsent, written] = co_await http::async_write(stream, message, kExpected);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kLargestAnswer);
    // A server may refuse before it has read everything: its answer counts, not that the rest could not be
    // sent.
    auto [code, read] = co_await http::async_read(stream, buffer, parser, kExpected);
    if (code) {
        result = fail("no answer from the daemon: {}", (unsent ? unsent : code).message());
        co_return;
    }
    const auto& answer = parser.get();
    result = Response{answer.result_int(), answer.body(), std::string(answer[http::field::content_type])};
}

}  // namespace

Result<Client> Client::connect(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof(address.sun_path))
        return fail("the socket's path is too long: {}", socket_path);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_with(errno, "cannot open a unix socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
        return Client(std::move(socket));
    if (errno == ENOENT || errno == ECONNREFUSED)
        return fail("no daemon at {} (is it running? `weir run -c FILE`)", socket_path);
    return fail_with(errno, "cannot reach the daemon at {}", socket_path);
}

Result<Response> Client::call(const Request& request, std::chrono::milliseconds timeout) {
    asio::io_context loop(1);
    Stream stream(loop);
    stream.socket().assign(asio::local::stream_protocol(), socket_.release());
    stream.expires_after(timeout);
    Result<Response> result = fail("no answer from the daemon");
    std::exception_ptr broken;
    asio::co_spawn(loop, exchange(stream, request, result),
                   [&](std::exception_ptr thrown) { broken = thrown; });
    loop.run();
    if (broken) return fail("no answer from the daemon");
    return result;
}

}  // namespace weir::admin
