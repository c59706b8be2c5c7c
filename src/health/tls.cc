#include "health/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <list>

#include "base/pem.h"
#include "net/ip.h"

namespace weir::health {
namespace {

using std::chrono::steady_clock;

struct ContextEnd {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextEnd>;

/// What OpenSSL says of the last failure.
std::string openssl_failure() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

Status trust(SSL_CTX* context, const model::FileText& authorities) {
    if (authorities.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            return fail("cannot read the system's authorities: {}", openssl_failure());
        return {};
    }
    auto certificates = read_certificates(authorities.view());
    if (!certificates) return propagate(certificates, "ca_file");
    for (const auto& certificate : *certificates)
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1)
            return fail("cannot trust an authority: {}", openssl_failure());
    return {};
}

Status show(SSL_CTX* context, const model::Tls& tls) {
    auto certificates = read_certificates(tls.certificate.view());
    if (!certificates) return propagate(certificates, "certificate");
    auto key = read_private_key(tls.key.view());
    if (!key) return propagate(key, "key");
    bool done = SSL_CTX_use_certificate(context, certificates->front().get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, key->get()) == 1;
    for (size_t i = 1; i < certificates->size() && done; i++)
        done = SSL_CTX_add1_chain_cert(context, (*certificates)[i].get()) == 1;
    if (!done) return fail("cannot use the client certificate: {}", openssl_failure());
    return {};
}

Result<Context> make_context(const model::Tls& tls) {
    Context context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail("cannot set TLS up: {}", openssl_failure());
    SSL_CTX_set_verify(context.get(), tls.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    constexpr unsigned char kProtocols[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof kProtocols - 1);
    if (tls.verify)
        if (auto trusted = trust(context.get(), tls.authorities); !trusted) return propagate(trusted);
    if (!tls.certificate.empty())
        if (auto shown = show(context.get(), tls); !shown) return propagate(shown);
    return context;
}

/// A context is costly to make (the authorities are read) and cheap to share, so it is kept: by the settings
/// that it is made from, as long as a check with them runs now and then.
class Contexts {
  public:
    Result<SSL_CTX*> of(const model::Tls& tls) {
        auto now = steady_clock::now();
        auto found = std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.serves(tls); });
        if (found == kept_.end()) {
            auto made = make_context(tls);
            if (!made) return propagate(made);
            std::erase_if(kept_, [now](const Kept& kept) { return now - kept.used > kLongestInterval; });
            kept_.push_front({tls, *std::move(made), now});
            found = kept_.begin();
        }
        found->used = now;
        return found->context.get();
    }

  private:
    static constexpr auto kLongestInterval = std::chrono::hours(2);

    struct Kept {
        bool serves(const model::Tls& other) const {
            return tls.verify == other.verify && tls.authorities == other.authorities &&
                   tls.certificate == other.certificate && tls.key == other.key;
        }

        model::Tls tls;
        Context context;
        steady_clock::time_point used;
    };

    std::list<Kept> kept_;
};

}  // namespace

Result<TlsSession> start_tls(const model::Tls& tls, const std::string& name) {
    static Contexts contexts;
    auto context = contexts.of(tls);
    if (!context) return propagate(context);
    TlsSession session(SSL_new(*context));
    if (!session) return fail("cannot start a TLS session: {}", openssl_failure());
    auto* parameters = SSL_get0_param(session.get());
    bool set = net::Ip::parse(name) ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1
                                    : SSL_set_tlsext_host_name(session.get(), name.c_str()) == 1 &&
                                          SSL_set1_host(session.get(), name.c_str()) == 1;
    if (!set) return fail("cannot ask for '{}': {}", name, openssl_failure());
    return session;
}

std::string handshake_failure(const ssl_st* session, const std::string& name, const Connection::Code& code) {
    auto verdict = SSL_get_verify_result(session);
    if (verdict == X509_V_OK || SSL_get_verify_mode(session) == SSL_VERIFY_NONE) return text_of(code);
    return fmt::format("certificate not accepted for {}: {}", name, X509_verify_cert_error_string(verdict));
}

namespace {

std::string warning_of(int days, int seconds) {
    if (days < 0 || seconds < 0) return "certificate has expired";
    if (days == 0) return "certificate expires within a day";
    return fmt::format("certificate expires in {} day{}", days, days == 1 ? "" : "s");
}

/// It has to be another text for another certificate, so the serial number is in it.
std::string text_of(const X509* certificate) {
    std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
    BIO_puts(text.get(), "certificate ");
    i2a_ASN1_INTEGER(text.get(), X509_get0_serialNumber(certificate));
    BIO_puts(text.get(), " of ");
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    BIO_puts(text.get(), " ends at ");
    ASN1_TIME_print(text.get(), X509_get0_notAfter(certificate));
    const char* data = nullptr;
    auto size = BIO_get_mem_data(text.get(), &data);
    return std::string(data, static_cast<size_t>(size));
}

}  // namespace

Expiry expiry(const ssl_st* session, std::chrono::hours margin, std::chrono::system_clock::time_point now) {
    const X509* certificate = SSL_get0_peer_certificate(session);
    if (!certificate || margin == margin.zero()) return {};
    auto* from = ASN1_TIME_set(nullptr, std::chrono::system_clock::to_time_t(now));
    int days = 0, seconds = 0;
    bool known = ASN1_TIME_diff(&days, &seconds, from, X509_get0_notAfter(certificate)) == 1;
    ASN1_TIME_free(from);
    if (!known || std::chrono::days(days) + std::chrono::seconds(seconds) > margin) return {};
    return {warning_of(days, seconds), text_of(certificate)};
}

}  // namespace weir::health
