// The source `redis`: the members of a set, a sorted set or a hash. Two connections: one reads the key, every
// few seconds and whenever the other hears of a change. What is heard are keyspace events, which the server
// tells only where its administrator has asked for them (see doc/discovery.md); without them there is the
// reading every few seconds. The server's answer to a question tells everything, so a lost event is harmless.
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "discovery/kinds.h"
#include "discovery/redis_connection.h"
#include "discovery/redis_members.h"
#include "discovery/search.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Setting kSettings[] = {
    required({"address", Takes::text, "HOST:PORT or the absolute path of a socket"}),
    required({"key", Takes::text, "a key's name"}),
    {"db", Takes::number, "", 0, 1'000'000, {}, "0"},
    {"user", Takes::text, "a user's name", 0, 0, {}, "the server's default user"},
    {"password_file", Takes::secret},
    {"interval", Takes::milliseconds, "", 100, 3'600'000, {}, "5s"},
    {"tls", Takes::tls, "", 0, 0, {}, "no TLS"},
};
const Section kSection{"redis", kSettings};

constexpr auto kInterval = seconds(5);
constexpr auto kPatience = seconds(10);     // with connecting, and with an answer
constexpr auto kSettle = milliseconds(20);  // for a writer to go on, from the first change
constexpr size_t kLongestPath = 107;        // of a socket: sun_path in unix(7)

class Redis final : public Search {
  public:
    Redis(const Surroundings& around, RedisServer server, std::string key, milliseconds interval,
          Listener& listener)
        : Search(around, listener),
          server_(std::move(server)),
          key_(std::move(key)),
          interval_(interval),
          hearing_(around.executor) {}

  private:
    struct Reading {
        Result<Set> set;
        bool is_over = false;  // the connection is of no use any more
    };

    awaitable<void> run() override;
    awaitable<void> keep_reading();
    awaitable<void> read_over(RedisConnection connection);
    awaitable<Reading> read(RedisConnection& connection);
    awaitable<void> keep_hearing();
    awaitable<bool> hear_over(RedisConnection connection, Backoff& backoff);

    Clock::Time deadline() const { return clock_.now() + kPatience; }
    /// Something may have changed.
    void look_again() {
        if (!std::exchange(stirred_, true)) wake();
    }

    const RedisServer server_;
    const std::string key_;
    const milliseconds interval_;
    Sleep hearing_;         // of the coroutine that hears of changes
    bool stirred_ = false;  // since the key was last read; who is not to be woken says that it is
};

/// Of its own for each coroutine: one host is looked up one at a time.
std::optional<net::Lookup> lookup_of(const RedisServer& server) {
    if (!server.address) return std::nullopt;
    return net::Lookup(server.address->host, server.address->port);
}

awaitable<void> Redis::run() {
    using asio::experimental::awaitable_operators::operator&&;
    co_await (keep_reading() && keep_hearing());
}

awaitable<Redis::Reading> Redis::read(RedisConnection& connection) {
    auto latest = deadline();
    auto refused = [&](const RedisReply& reply) {
        return fail("{} does not say what the key '{}' holds: {}", server_.text(), excerpt(key_),
                    excerpt(reply.text));
    };
    const std::string_view ask_type[] = {"TYPE", key_};
    auto reply = co_await connection.ask(ask_type, latest);
    if (!reply) co_return Reading{propagate(reply), true};
    if (reply->is_error()) co_return Reading{refused(*reply)};
    auto type = redis_type(*reply, key_);
    if (!type) co_return Reading{propagate(type, server_.text())};
    if (*type == RedisType::none) co_return Reading{Set()};
    auto ask_all = redis_read_command(*type, key_);
    reply = co_await connection.ask(ask_all, latest);
    if (!reply) co_return Reading{propagate(reply), true};
    if (reply->is_error()) co_return Reading{refused(*reply)};
    co_return Reading{read_redis_members(*type, *reply, key_)};
}

/// For as long as the connection is of use.
awaitable<void> Redis::read_over(RedisConnection connection) {
    for (;;) {
        stirred_ = false;
        auto reading = co_await read(connection);
        if (reading.set)
            found(*std::move(reading.set));
        else
            failed(reading.set.error());
        if (reading.is_over) co_return;
        calm_down();
        if (!stirred_) co_await wait(interval_);
        if (stirred_) co_await wait(kSettle);
    }
}

awaitable<void> Redis::keep_reading() {
    auto lookup = lookup_of(server_);
    for (;;) {
        auto connection =
            co_await RedisConnection::open(server_, lookup ? &*lookup : nullptr, clock_, deadline());
        if (connection) {
            hearing_.wake();
            co_await read_over(*std::move(connection));
        } else {
            failed(connection.error());
        }
        stirred_ = true;
        co_await wait_for_next_try();
    }
}

/// For as long as the connection is of use. A server that says nothing is asked whether it is there. False
/// where it may not hear this.
awaitable<bool> Redis::hear_over(RedisConnection connection, Backoff& backoff) {
    auto channel = fmt::format("__keyspace@{}__:{}", server_.db, key_);
    const std::string_view subscribe[] = {"SUBSCRIBE", channel};
    const std::string_view ping[] = {"PING"};
    auto sent = co_await connection.send(subscribe, deadline());
    bool is_asked = true;
    while (sent) {
        auto reply = co_await connection.receive(deadline());
        if (!reply) break;
        if (!*reply) {
            if (is_asked) break;
            is_asked = true;
            sent = co_await connection.send(ping, deadline());
            continue;
        }
        if ((*reply)->is_error()) co_return false;  // the key is read every few seconds
        if (is_asked) backoff.reset();
        is_asked = false;
        // Also when the subscription begins: what has happened before was not told.
        bool is_pong = !(*reply)->items.empty() && (*reply)->items[0].text == "pong";
        if (!is_pong) look_again();
    }
    co_return true;
}

/// Its failures are nobody's business: the other coroutine has the same, and says so.
awaitable<void> Redis::keep_hearing() {
    auto lookup = lookup_of(server_);
    Backoff backoff(seconds(1), seconds(30));
    for (;;) {
        auto connection =
            co_await RedisConnection::open(server_, lookup ? &*lookup : nullptr, clock_, deadline());
        // When it is lost, so may the server be, which is not to be known only after the interval.
        if (connection && co_await hear_over(*std::move(connection), backoff)) look_again();
        co_await hearing_.until(clock_, clock_.now() + backoff.next());
    }
}

Status check(const model::SourceSpec& spec) {
    auto address = spec.text("address");
    bool is_path = address.starts_with('/');
    if (is_path && (address.ends_with('/') || address.size() > kLongestPath))
        return fail("'{}' is not the path of a socket; it has {} letters at most", address, kLongestPath);
    if (!is_path)
        if (auto parsed = HostPort::parse(address); !parsed) return propagate(parsed, "address");
    if (is_path && spec.find<model::Tls>("tls"))
        return fail("'tls' is for a HOST:PORT; '{}' is the path of a socket", address);
    if (spec.text("key").empty()) return fail("'key' is empty; name the key that holds the backends");
    if (spec.find<std::string>("user") && !spec.find<model::FileText>("password_file"))
        return fail("'user' is of no use without 'password_file'");
    return {};
}

RedisServer server_of(const model::SourceSpec& spec) {
    RedisServer server;
    auto address = spec.text("address");
    if (address.starts_with('/'))
        server.path = address;
    else if (auto parsed = HostPort::parse(address))
        server.address = *parsed;
    if (const auto* tls = spec.find<model::Tls>("tls")) server.tls = *tls;
    server.user = spec.text("user");
    if (const auto* password = spec.find<model::FileText>("password_file")) server.password = *password;
    server.db = spec.number("db", 0);
    return server;
}

}  // namespace

Kind redis_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                auto redis = std::make_shared<Redis>(around, server_of(spec), spec.text("key"),
                                                     spec.duration("interval", kInterval), listener);
                return Search::start(around, std::move(redis));
            }};
}

}  // namespace weir::discovery
