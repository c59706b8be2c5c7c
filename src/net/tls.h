// TLS as a client speaks it, by OpenSSL: a context from what is trusted and shown, a session from a context.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace weir::net {

struct TlsEnd {
    void operator()(ssl_st* session) const;
    void operator()(ssl_ctx_st* context) const;
};
using TlsSession = std::unique_ptr<ssl_st, TlsEnd>;      // OpenSSL's SSL
using TlsContext = std::unique_ptr<ssl_ctx_st, TlsEnd>;  // its SSL_CTX

/// Everything in PEM.
struct TlsTerms {
    bool verify = true;              // the certificate of the server: its chain, its times and its name
    std::string_view authorities{};  // whose certificates are trusted; empty: the system's
    std::string_view certificate{};  // of the client, with its chain; empty: none
    std::string_view key{};          // there if a certificate is
    std::string_view protocol{};     // that the server is offered (ALPN), such as http/1.1; empty: none
};

/// Costly, because the authorities are read.
Result<TlsContext> make_tls_context(const TlsTerms& terms);

/// A session towards the server that should be `name`: a host's name, which the server is also told, or an
/// address.
Result<TlsSession> start_tls(ssl_ctx_st* context, const std::string& name);

/// Why the handshake failed: what is wrong with the certificate, else `otherwise`.
std::string handshake_failure(const ssl_st* session, const std::string& name, std::string otherwise);

}  // namespace weir::net
