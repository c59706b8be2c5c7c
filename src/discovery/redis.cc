// The source `redis`: the members of a set, a sorted set or a hash. Two connections: one reads the key, every
// few seconds and whenever the other hears of a change. What is heard are keyspace events, which the server
// tells only where its administrator has asked for them (see doc/discovery.md); without them there is the
// reading every few seconds. The server's answer to a question tells everything, so a lost event is harmless.
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "discovery/kinds.h"
#include "discovery/redis_connection.h"
#include "discovery/redis_members.h"
#include "discovery/report.h"
#include "discovery/value.h"
#include "net/answer.h"

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

/// What the source and its coroutines share.
struct Shared {
    Shared(const Surroundings& around, RedisServer where, std::string what, milliseconds pause, Listener& to)
        : executor(around.executor),
          clock(around.clock),
          server(std::move(where)),
          key(std::move(what)),
          interval(pause),
          report(to),
          reading(around.executor),
          hearing(around.executor) {}

    Clock::Time deadline() const { return clock.now() + kPatience; }
    /// Something may have changed.
    void look_again() {
        if (!std::exchange(stirred, true)) reading.wake();
    }

    const asio::any_io_executor executor;
    Clock& clock;
    const RedisServer server;
    const std::string key;
    const milliseconds interval;
    Report report;
    Sleep reading;         // of the coroutine that reads the key
    Sleep hearing;         // of the one that hears of changes
    bool stirred = false;  // since the key was last read; who is not to be woken says that it is
    bool stopped = false;
    asio::cancellation_signal cancel_reading;
    asio::cancellation_signal cancel_hearing;
};
using Common = std::shared_ptr<Shared>;

/// Of its own for each coroutine: one host is looked up one at a time.
std::optional<net::Lookup> lookup_of(const RedisServer& server) {
    if (!server.address) return std::nullopt;
    return net::Lookup(server.address->host, server.address->port);
}

struct Reading {
    Result<Set> set;
    bool is_over = false;  // the connection is of no use any more
};

awaitable<Reading> read_key(Common common, RedisConnection& connection) {
    const auto& [key, server] = std::tie(common->key, common->server);
    auto deadline = common->deadline();
    auto refused = [&](const RedisReply& reply) {
        return fail("{} does not say what the key '{}' holds: {}", server.text(), excerpt(key),
                    excerpt(reply.text));
    };
    const std::string_view ask_type[] = {"TYPE", key};
    auto reply = co_await connection.ask(ask_type, deadline);
    if (!reply) co_return Reading{propagate(reply), true};
    if (reply->is_error()) co_return Reading{refused(*reply)};
    auto type = redis_type(*reply, key);
    if (!type) co_return Reading{propagate(type, server.text())};
    if (*type == RedisType::none) co_return Reading{Set()};
    auto ask_all = redis_read_command(*type, key);
    reply = co_await connection.ask(ask_all, deadline);
    if (!reply) co_return Reading{propagate(reply), true};
    if (reply->is_error()) co_return Reading{refused(*reply)};
    co_return Reading{read_redis_members(*type, *reply, key)};
}

/// For as long as the connection is of use.
awaitable<void> read_over(Common common, RedisConnection connection, Pauses& pauses) {
    for (;;) {
        common->stirred = false;
        auto reading = co_await read_key(common, connection);
        if (reading.set)
            common->report.found(*std::move(reading.set));
        else
            common->report.failed(reading.set.error());
        if (reading.is_over) co_return;
        pauses.reset();
        if (!common->stirred)
            co_await common->reading.until(common->clock, common->clock.now() + common->interval);
        if (common->stirred) co_await common->reading.until(common->clock, common->clock.now() + kSettle);
    }
}

awaitable<void> keep_reading(Common common) {
    co_await asio::post(common->executor, net::kAnswer);  // nobody is told before make() has returned
    auto lookup = lookup_of(common->server);
    Pauses pauses;
    while (!common->stopped) {
        auto connection = co_await RedisConnection::open(common->server, lookup ? &*lookup : nullptr,
                                                         common->clock, common->deadline());
        if (connection) {
            common->hearing.wake();
            co_await read_over(common, *std::move(connection), pauses);
        } else {
            common->report.failed(connection.error());
        }
        common->stirred = true;
        co_await common->reading.until(common->clock, common->clock.now() + pauses.next());
    }
}

/// For as long as the connection is of use. A server that says nothing is asked whether it is there.
awaitable<void> hear_over(Common common, RedisConnection connection, Pauses& pauses) {
    auto channel = fmt::format("__keyspace@{}__:{}", common->server.db, common->key);
    const std::string_view subscribe[] = {"SUBSCRIBE", channel};
    const std::string_view ping[] = {"PING"};
    auto sent = co_await connection.send(subscribe, common->deadline());
    bool is_asked = true;
    while (sent) {
        auto reply = co_await connection.receive(common->deadline());
        if (!reply) co_return;
        if (!*reply) {
            if (is_asked) co_return;
            is_asked = true;
            sent = co_await connection.send(ping, common->deadline());
            continue;
        }
        if ((*reply)->is_error()) co_return;  // it may not hear this; the key is read every few seconds
        if (is_asked) pauses.reset();
        is_asked = false;
        // Also when the subscription begins: what has happened before was not told.
        bool is_pong = !(*reply)->items.empty() && (*reply)->items[0].text == "pong";
        if (!is_pong) common->look_again();
    }
}

/// Its failures are nobody's business: the other coroutine has the same, and says so.
awaitable<void> keep_hearing(Common common) {
    auto lookup = lookup_of(common->server);
    Pauses pauses;
    while (!common->stopped) {
        auto connection = co_await RedisConnection::open(common->server, lookup ? &*lookup : nullptr,
                                                         common->clock, common->deadline());
        if (connection) co_await hear_over(common, *std::move(connection), pauses);
        co_await common->hearing.until(common->clock, common->clock.now() + pauses.next());
    }
}

class Redis final : public Source {
  public:
    Redis(const Surroundings& around, RedisServer server, std::string key, milliseconds interval,
          Listener& listener)
        : common_(std::make_shared<Shared>(around, std::move(server), std::move(key), interval, listener)) {
        start(around.executor, keep_reading(common_), common_->cancel_reading);
        start(around.executor, keep_hearing(common_), common_->cancel_hearing);
    }
    ~Redis() override {
        common_->stopped = true;
        common_->report.stop();
        common_->cancel_reading.emit(asio::cancellation_type::terminal);
        common_->cancel_hearing.emit(asio::cancellation_type::terminal);
    }

  private:
    void start(const asio::any_io_executor& executor, awaitable<void> work,
               asio::cancellation_signal& cancel) {
        auto ended = [common = common_](const std::exception_ptr& thrown) {
            if (thrown && !common->stopped) std::rethrow_exception(thrown);
        };
        asio::co_spawn(executor, std::move(work),
                       asio::bind_cancellation_slot(cancel.slot(), std::move(ended)));
    }

    Common common_;
};

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
                return std::make_unique<Redis>(around, server_of(spec), spec.text("key"),
                                               spec.duration("interval", kInterval), listener);
            }};
}

}  // namespace weir::discovery
