// The HTTPS check: the HTTP check by TLS. What the handshake comes to is told apart from what the server
// answers.
#include <fmt/format.h>

#include <boost/asio/error.hpp>

#include "health/exchange.h"
#include "health/tls.h"

namespace weir::health {

namespace asio = boost::asio;

namespace {

/// Whom the server should be: what the check says, else the VIP.
std::string name_of(const model::HttpsCheck& check, const net::Endpoint& vip) {
    if (!check.tls.sni.empty()) return check.tls.sni;
    if (check.http.host.empty()) return vip.address.text();
    auto host = std::string_view(check.http.host);
    if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
    return std::string(host.substr(0, host.find(':')));
}

}  // namespace

asio::awaitable<Verdict> run(const model::HttpsCheck& check, const Errand& errand) {
    auto name = name_of(check, errand.vip);
    auto session = start_tls(check.tls, name);
    if (!session) co_return not_probed(session.error().message);
    auto connection = co_await dial(errand);
    if (!connection) co_return connection.error();
    const auto* established = session->get();  // lives as long as the connection
    auto code = co_await connection->secure(*std::move(session));
    if (code == asio::error::timed_out) co_return Verdict{false, "L6TOUT"};
    if (code == asio::error::eof) co_return Verdict{false, "L6RSP: connection closed within the handshake"};
    if (code) co_return Verdict{false, "L6RSP: " + handshake_failure(established, name, code)};
    auto verdict = co_await exchange(check.http, errand.vip, 443, *connection);
    auto end = expiry(established, check.tls.expiry_warning, std::chrono::system_clock::now());
    if (verdict.ok && !end.warning.empty()) verdict.message += ": " + end.warning;
    verdict.expiring = std::move(end.certificate);
    co_return verdict;
}

}  // namespace weir::health
