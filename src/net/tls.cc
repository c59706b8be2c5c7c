#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/pem.h"
#include "net/ip.h"

namespace weir::net {
namespace {

/// What OpenSSL says of the last failure.
std::string openssl_failure() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

Status trust(SSL_CTX* context, std::string_view authorities) {
    if (authorities.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            return fail("cannot read the system's authorities: {}", openssl_failure());
        return {};
    }
    auto certificates = read_certificates(authorities);
    if (!certificates) return propagate(certificates, "ca_file");
    for (const auto& certificate : *certificates)
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1)
            return fail("cannot trust an authority: {}", openssl_failure());
    return {};
}

Status show(SSL_CTX* context, const TlsTerms& terms) {
    auto certificates = read_certificates(terms.certificate);
    if (!certificates) return propagate(certificates, "certificate");
    auto key = read_private_key(terms.key);
    if (!key) return propagate(key, "key");
    bool done = SSL_CTX_use_certificate(context, certificates->front().get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, key->get()) == 1;
    for (size_t i = 1; i < certificates->size() && done; i++)
        done = SSL_CTX_add1_chain_cert(context, (*certificates)[i].get()) == 1;
    if (!done) return fail("cannot use the client certificate: {}", openssl_failure());
    return {};
}

/// ALPN's form: a length before each name.
void offer(SSL_CTX* context, std::string_view protocol) {
    auto list = static_cast<char>(protocol.size()) + std::string(protocol);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
}

}  // namespace

void TlsEnd::operator()(ssl_st* session) const {
    SSL_free(session);
}

void TlsEnd::operator()(ssl_ctx_st* context) const {
    SSL_CTX_free(context);
}

Result<TlsContext> make_tls_context(const TlsTerms& terms) {
    TlsContext context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail("cannot set TLS up: {}", openssl_failure());
    SSL_CTX_set_verify(context.get(), terms.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!terms.protocol.empty()) offer(context.get(), terms.protocol);
    if (terms.verify)
        if (auto trusted = trust(context.get(), terms.authorities); !trusted) return propagate(trusted);
    if (!terms.certificate.empty())
        if (auto shown = show(context.get(), terms); !shown) return propagate(shown);
    return context;
}

Result<TlsSession> start_tls(ssl_ctx_st* context, const std::string& name) {
    TlsSession session(SSL_new(context));
    if (!session) return fail("cannot start a TLS session: {}", openssl_failure());
    auto* parameters = SSL_get0_param(session.get());
    bool set = Ip::parse(name) ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1
                               : SSL_set_tlsext_host_name(session.get(), name.c_str()) == 1 &&
                                     SSL_set1_host(session.get(), name.c_str()) == 1;
    if (!set) return fail("cannot ask for '{}': {}", name, openssl_failure());
    return session;
}

std::string handshake_failure(const ssl_st* session, const std::string& name, std::string otherwise) {
    auto verdict = SSL_get_verify_result(session);
    if (verdict == X509_V_OK || SSL_get_verify_mode(session) == SSL_VERIFY_NONE) return otherwise;
    return fmt::format("certificate not accepted for {}: {}", name, X509_verify_cert_error_string(verdict));
}

}  // namespace weir::net
