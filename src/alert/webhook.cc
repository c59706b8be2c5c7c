#include "alert/webhook.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "alert/answer.h"
#include "alert/chat.h"
#include "health/tls.h"
#include "net/lookup.h"

namespace weir::alert {

namespace asio = boost::asio;
using health::Connection;

namespace {

constexpr std::chrono::seconds kPatience{10};

/// The parts of a URL that the configuration has checked.
struct Target {
    explicit Target(const std::string& text) {
        auto url = boost::urls::parse_uri(text).value();
        secure = url.scheme_id() == boost::urls::scheme::https;
        host = url.host_address();
        port = url.has_port() ? url.port_number() : secure ? 443 : 80;
        authority = std::string(url.encoded_host_and_port());
        resource = std::string(url.encoded_target());
        if (!resource.starts_with('/')) resource.insert(0, "/");
    }

    bool secure;
    std::string host;  // a name, or an address without brackets
    uint16_t port;
    std::string authority;  // as the Host header has it
    std::string resource;   // the path and the query; a secret with some
};

class WebhookSink final : public Sink {
  public:
    WebhookSink(const model::Webhook& webhook, Sender sender, Clock& clock)
        : webhook_(webhook),
          sender_(std::move(sender)),
          clock_(clock),
          target_(webhook.url),
          lookup_(target_.host, net::Port(target_.port)) {}

    asio::awaitable<Delivery> deliver(const Message& message) override;

  private:
    using Deadline = Clock::Time;

    std::string request_of(const Message& message) const;
    asio::awaitable<Result<Connection>> connect(net::Endpoint to, Deadline deadline) const;
    asio::awaitable<Result<Connection>> connect(std::vector<net::Endpoint> to, Deadline deadline) const;
    asio::awaitable<Delivery> exchange(const std::string& request, Connection& connection) const;

    const model::Webhook webhook_;
    const Sender sender_;
    Clock& clock_;
    const Target target_;
    net::Lookup lookup_;
};

std::string WebhookSink::request_of(const Message& message) const {
    auto body = body_of(message, sender_, webhook_.format);
    auto text = fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\n", target_.resource, target_.authority);
    auto add = [&](std::string_view name, std::string_view value) {
        bool given = std::ranges::any_of(
            webhook_.headers, [name](const auto& header) { return boost::iequals(header.first, name); });
        if (!given) text += fmt::format("{}: {}\r\n", name, value);
    };
    add("User-Agent", "weir/" + sender_.version);
    add("Content-Type", "application/json");
    for (const auto& [name, value] : webhook_.headers) text += fmt::format("{}: {}\r\n", name, value);
    return text + fmt::format("Content-Length: {}\r\nConnection: close\r\n\r\n{}", body.size(), body);
}

/// A connection that is ready for a request.
asio::awaitable<Result<Connection>> WebhookSink::connect(net::Endpoint to, Deadline deadline) const {
    auto name = webhook_.tls.sni.empty() ? target_.host : webhook_.tls.sni;
    auto where = fmt::format("cannot connect to {} ({})", target_.host, to.text());
    UniqueFd socket(
        ::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) co_return fail_with(errno, "{}", where);
    auto executor = co_await asio::this_coro::executor;
    auto connection = Connection::over(net::Passage(std::move(socket), to, {}), executor, clock_, deadline);
    if (!connection) co_return connection;
    auto code = co_await connection->connect();
    if (code) co_return fail("{}: {}", where, health::text_of(code));
    if (!target_.secure) co_return connection;
    auto session = health::start_tls(webhook_.tls, name);
    if (!session) co_return propagate(session);
    const auto* established = session->get();  // lives as long as the connection
    code = co_await connection->secure(*std::move(session));
    if (code) co_return fail("{}: {}", where, health::handshake_failure(established, name, code));
    co_return connection;
}

/// The first that answers; each has its share of the time that is left.
asio::awaitable<Result<Connection>> WebhookSink::connect(std::vector<net::Endpoint> to,
                                                         Deadline deadline) const {
    constexpr size_t kMost = 4;
    if (to.size() > kMost) to.erase(to.begin() + kMost, to.end());
    for (size_t left = to.size();; --left) {
        auto now = clock_.now();
        auto next = to[to.size() - left];
        auto share = now + (deadline - now) / static_cast<int>(left);
        auto connection = co_await connect(next, share);
        if (connection || left == 1) co_return connection;
    }
}

asio::awaitable<Delivery> WebhookSink::exchange(const std::string& request, Connection& connection) const {
    auto code = co_await connection.write(request);
    Answer answer;
    std::array<char, 4096> bytes;
    auto room = asio::buffer(bytes);
    for (bool whole = false; !whole && !code;) {
        size_t filled = 0;
        code = co_await connection.read_some(room, &filled);
        whole = answer.take({bytes.data(), filled});
    }
    auto delivery = answer.judge(std::chrono::system_clock::now());
    if (code && code != asio::error::eof && !answer.has_status())
        delivery.failure = fmt::format("no answer from {}: {}", target_.host, health::text_of(code));
    co_return delivery;
}

asio::awaitable<Delivery> WebhookSink::deliver(const Message& message) {
    auto deadline = clock_.now() + kPatience;
    auto addresses = co_await lookup_.run(clock_, deadline);
    if (!addresses) co_return Delivery{addresses.error().message};
    auto connection = co_await connect(*std::move(addresses), deadline);
    if (!connection) co_return Delivery{connection.error().message};
    auto request = request_of(message);
    co_return co_await exchange(request, *connection);
}

}  // namespace

std::unique_ptr<Sink> webhook_sink(const model::Webhook& webhook, Sender sender, Clock& clock) {
    return std::make_unique<WebhookSink>(webhook, std::move(sender), clock);
}

}  // namespace weir::alert
