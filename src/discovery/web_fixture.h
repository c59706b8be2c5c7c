// For tests of sources that speak HTTP: a server on loopback that does what a test says.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <map>

#include "base/pem_fixture.h"
#include "discovery/source_fixture.h"
#include "net/answer.h"

namespace weir::discovery {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

struct Asked {
    std::string method, target, body;
    std::map<std::string, std::string> headers;  // names in lower case
};

/// One client's connection, as the server has it.
class Talk {
  public:
    Talk(tcp::socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
        socket_.set_option(tcp::no_delay(true));
        if (tls) tls_.emplace(socket_, *tls);
    }

    asio::awaitable<bool> begin() {
        if (!tls_) co_return true;
        auto [code] = co_await tls_->async_handshake(asio::ssl::stream_base::server, net::kAnswer);
        co_return !code;
    }

    asio::awaitable<bool> say(std::string text) {
        auto bytes = asio::buffer(text);
        if (tls_) {
            auto [code, count] = co_await asio::async_write(*tls_, bytes, net::kAnswer);
            co_return !code;
        }
        auto [code, count] = co_await asio::async_write(socket_, bytes, net::kAnswer);
        co_return !code;
    }
    asio::awaitable<bool> answer(std::string body, std::string headers = "", std::string status = "200 OK") {
        return say(
            fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body));
    }
    asio::awaitable<bool> begin_chunks() {
        return say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
    asio::awaitable<bool> chunk(std::string text) {
        return say(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
    }
    void close() { socket_.close(); }
    SSL* tls() { return tls_ ? tls_->native_handle() : nullptr; }

    asio::awaitable<std::optional<Asked>> listen() {
        while (!received_.contains("\r\n\r\n"))
            if (!co_await read()) co_return std::nullopt;
        Asked asked;
        auto end = received_.find("\r\n\r\n");
        auto head = received_.substr(0, end + 2);
        received_.erase(0, end + 4);
        auto line_end = head.find("\r\n"), space = head.find(' ');
        asked.method = head.substr(0, space);
        asked.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
        for (auto at = line_end + 2; at < head.size();) {
            auto colon = head.find(':', at), next = head.find("\r\n", at);
            auto name = head.substr(at, colon - at);
            for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            asked.headers[name] = head.substr(colon + 2, next - colon - 2);
            at = next + 2;
        }
        auto length =
            asked.headers.contains("content-length") ? std::stoul(asked.headers["content-length"]) : 0;
        while (received_.size() < length)
            if (!co_await read()) co_return std::nullopt;
        asked.body = received_.substr(0, length);
        received_.erase(0, length);
        co_return asked;
    }

    /// Until the client goes.
    asio::awaitable<void> await_end() {
        for (bool is_open = true; is_open;) is_open = co_await read();
    }

  private:
    asio::awaitable<bool> read() {
        char bytes[4096];
        auto room = asio::buffer(bytes);
        if (tls_) {
            auto [code, count] = co_await tls_->async_read_some(room, net::kAnswer);
            received_.append(bytes, count);
            co_return !code;
        }
        auto [code, count] = co_await socket_.async_read_some(room, net::kAnswer);
        received_.append(bytes, count);
        co_return !code;
    }

    tcp::socket socket_;
    std::optional<asio::ssl::stream<tcp::socket&>> tls_;
    std::string received_;
};

class WebTest : public SourceTest {
  protected:
    /// What comes of a request.
    using Answer = std::function<asio::awaitable<void>(const Asked& asked, Talk& talk)>;

    ~WebTest() override { source_.reset(); }

    /// Several servers can be on one test.
    uint16_t serve(Answer answer) {
        auto& acceptor = acceptors_.emplace_back(
            std::make_unique<tcp::acceptor>(context_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)));
        port_ = acceptor->local_endpoint().port();
        asio::co_spawn(context_, accept(acceptor.get(), std::move(answer)), asio::detached);
        return port_;
    }
    /// Answers each request with this.
    void serve_text(std::string text) {
        serve([text](const Asked&, Talk& talk) -> asio::awaitable<void> { co_await talk.say(text); });
    }
    void secure(const MadeCertificate& certificate) {
        tls_.emplace(asio::ssl::context::tls_server);
        tls_->use_certificate_chain(asio::buffer(certificate.certificate));
        tls_->use_private_key(asio::buffer(certificate.key), asio::ssl::context::pem);
    }
    std::string url(std::string_view scheme = "http") {
        return fmt::format("{}://127.0.0.1:{}", scheme, port_);
    }

    void search(const Kind& kind, std::map<std::string, model::SourceSpec::Value, std::less<>> settings) {
        ASSERT_TRUE(make(kind, {std::string(kind.known.section->name), std::move(settings)}));
    }
    bool await_asked(size_t times) {
        return run_until([this, times] { return asked_.size() >= times; });
    }

    std::optional<asio::ssl::context> tls_;
    std::vector<Asked> asked_;
    int connections_ = 0;
    uint16_t port_ = 0;

  private:
    asio::awaitable<void> accept(tcp::acceptor* acceptor, Answer answer) {
        for (;;) {
            auto [code, client] = co_await acceptor->async_accept(net::kAnswer);
            if (code) co_return;
            connections_++;
            asio::co_spawn(context_, talk_with(std::move(client), answer), asio::detached);
        }
    }
    asio::awaitable<void> talk_with(tcp::socket client, Answer answer) {
        Talk talk(std::move(client), tls_ ? &*tls_ : nullptr);
        if (!co_await talk.begin()) co_return;
        while (auto asked = co_await talk.listen()) {
            asked_.push_back(*asked);
            co_await answer(*asked, talk);
        }
    }

    std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
};

}  // namespace weir::discovery
