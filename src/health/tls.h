// TLS as the checks speak it, by OpenSSL: what goes into a session and what came out of it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "health/connection.h"
#include "model/config.h"

namespace weir::health {

/// A session towards the server that should be `name`: a host's name, which the server is also told, or an
/// address. What the settings' files say is read once and kept for all sessions with these settings; called
/// in one thread.
Result<TlsSession> start_tls(const model::Tls& tls, const std::string& name);

/// Why the handshake failed: what is wrong with the certificate, else `code`'s text.
std::string handshake_failure(const ssl_st* session, const std::string& name, const Connection::Code& code);

/// Of the server's certificate, if it ends within a margin; both are empty if not, or if there is none.
struct Expiry {
    std::string warning;      // "certificate expires in 9 days"
    std::string certificate;  // which, and when: "certificate 03A2 of CN=www.example.org ends at 2026-12-01…"
};
Expiry expiry(const ssl_st* session, std::chrono::hours margin, std::chrono::system_clock::time_point now);

}  // namespace weir::health
