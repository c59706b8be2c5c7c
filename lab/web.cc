#include "lab/web.h"

#include <systemd/sd-daemon.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <csignal>

#include "lab/tcp.h"

namespace weir::lab {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

asio::awaitable<void> serve_one(boost::beast::tcp_stream stream, std::string name) {
    boost::beast::flat_buffer buffer;
    for (bool more = true; more;) {
        http::request<http::empty_body> request;
        stream.expires_after(10s);
        co_await http::async_read(stream, buffer, request, asio::use_awaitable);
        http::response<http::string_body> response(http::status::ok, request.version(), name);
        response.set(http::field::content_type, "text/plain");
        response.keep_alive(request.keep_alive());
        response.prepare_payload();
        more = request.keep_alive();
        co_await http::async_write(stream, response, asio::use_awaitable);
    }
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send);
}

asio::awaitable<void> serve(asio::ip::tcp::acceptor& acceptor, std::string name) {
    for (;;) {
        asio::ip::tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        boost::beast::tcp_stream stream(std::move(socket));
        asio::co_spawn(acceptor.get_executor(), serve_one(std::move(stream), name), asio::detached);
    }
}

}  // namespace

int serve_name(const std::string& name) {
    asio::io_context io(1);
    asio::ip::tcp::acceptor acceptor(io, asio::ip::tcp::v6(), SD_LISTEN_FDS_START);
    asio::co_spawn(io, serve(acceptor, name), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
    io.run();
    return 0;
}

WebServer::WebServer(Host& host, std::string name, std::string weir_binary)
    : host_(host), name_(std::move(name)), binary_(std::move(weir_binary)) {
    start();
}

void WebServer::start() {
    // The socket is made here and closed here once the child has it: a connection is never taken by nobody.
    UniqueFd listener = listen_tcp(host_, endpoint("[::]:80"));
    process_.reset();
    process_ = std::make_unique<Process>(host_, std::vector<std::string>{binary_, "demo", "--backend", name_},
                                         ProcessOptions{.listen_fds = {listener.get()}});
}

void WebServer::kill() {
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("{} does not die", name_);
}

}  // namespace weir::lab
