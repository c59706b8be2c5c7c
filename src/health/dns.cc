// The DNS check (RFC 1035): one question, by UDP or TCP, judged by the answer's code and records.
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include "health/datagrams.h"
#include "health/excerpt.h"
#include "health/kinds.h"
#include "proto/dns.h"

namespace weir::health {

namespace asio = boost::asio;

namespace {

constexpr size_t kMostDatagram = 4096;

/// A question on its way, as bytes, and what its answer has to fit.
struct Asked {
    proto::DnsQuestion question;
    uint16_t id = 0;
    std::string bytes;
};

Result<Asked> ask(const model::DnsCheck& check) {
    Asked asked{{check.name, check.type}, 0, {}};
    if (getrandom(&asked.id, sizeof asked.id, 0) != sizeof asked.id)
        return fail_with(errno, "cannot choose an id");
    auto message = proto::write_dns_question(asked.question, asked.id);
    if (!message) return propagate(message);
    asked.bytes.assign(message->begin(), message->end());
    return asked;
}

Verdict judge(const model::DnsCheck& check, const proto::DnsAnswer& answer) {
    if (answer.truncated) return {false, "L7RSP: answer truncated; ask over tcp"};
    if (answer.rcode != check.rcode) return {false, "L7STS/" + answer.rcode};
    bool wants_records = check.rcode == "NOERROR";
    if (wants_records && answer.records.empty())
        return {false, fmt::format("L7RSP: no {} record in the answer", check.type)};
    if (wants_records && !check.expect.empty() &&
        std::ranges::find(answer.records, check.expect) == answer.records.end())
        return {false,
                fmt::format("L7RSP: '{}' is not in the answer, but '{}'{}", excerpt(check.expect),
                            excerpt(answer.records.front()), answer.records.size() > 1 ? " and others" : "")};
    return {true, "L7OK/" + answer.rcode};
}

Verdict judge(const model::DnsCheck& check, const Asked& asked, std::string_view bytes) {
    std::span message(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    auto answer = proto::read_dns_answer(message, asked.question, asked.id);
    if (!answer) return {false, "L7RSP: " + answer.error().message};
    return judge(check, *answer);
}

asio::awaitable<Verdict> over_udp(const model::DnsCheck& check, const Asked& asked, const Errand& errand) {
    auto executor = co_await asio::this_coro::executor;
    auto datagrams = reach(errand, net::Carrier::udp, executor);
    if (!datagrams) co_return datagrams.error();
    auto code = co_await datagrams->send(asked.bytes);
    std::array<char, kMostDatagram> answer{};
    size_t filled = 0;
    auto room = asio::buffer(answer);
    if (!code) code = co_await datagrams->receive(room, &filled);
    if (code == asio::error::connection_refused) co_return Verdict{false, "L4CON: " + text_of(code)};
    if (code) co_return no_answer(code);
    co_return judge(check, asked, std::string_view(answer.data(), filled));
}

/// Fills `into` to its end.
asio::awaitable<Connection::Code> read_all(Connection& connection, std::string& into) {
    for (size_t total = 0; total < into.size();) {
        size_t filled = 0;
        auto room = asio::buffer(into) + total;
        auto code = co_await connection.read_some(room, &filled);
        if (code) co_return code;
        total += filled;
    }
    co_return Connection::Code();
}

/// Each message behind its length (RFC 1035, 4.2.2).
asio::awaitable<Verdict> over_tcp(const model::DnsCheck& check, const Asked& asked, const Errand& errand) {
    auto connection = co_await dial(errand);
    if (!connection) co_return connection.error();
    auto size = asked.bytes.size();
    std::string request{static_cast<char>(size >> 8), static_cast<char>(size)};
    request += asked.bytes;
    auto code = co_await connection->write(request);
    std::string length(2, '\0'), answer;
    if (!code) code = co_await read_all(*connection, length);
    if (!code) {
        answer.resize(
            static_cast<size_t>(static_cast<uint8_t>(length[0]) << 8 | static_cast<uint8_t>(length[1])));
        code = co_await read_all(*connection, answer);
    }
    if (code) co_return no_answer(code);
    co_return judge(check, asked, answer);
}

}  // namespace

asio::awaitable<Verdict> run(const model::DnsCheck& check, const Errand& errand) {
    auto asked = ask(check);
    if (!asked) co_return not_probed(asked.error().message);
    if (check.over_tcp) co_return co_await over_tcp(check, *asked, errand);
    co_return co_await over_udp(check, *asked, errand);
}

}  // namespace weir::health
