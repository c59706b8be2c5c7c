#include "health/tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <list>

namespace weir::health {
namespace {

using std::chrono::steady_clock;

Result<net::TlsContext> make_context(const model::Tls& tls) {
    return net::make_tls_context({.verify = tls.verify,
                                  .authorities = tls.authorities.view(),
                                  .certificate = tls.certificate.view(),
                                  .key = tls.key.view(),
                                  .protocol = "http/1.1"});
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
        net::TlsContext context;
        steady_clock::time_point used;
    };

    std::list<Kept> kept_;
};

}  // namespace

Result<TlsSession> start_tls(const model::Tls& tls, const std::string& name) {
    static Contexts contexts;
    auto context = contexts.of(tls);
    if (!context) return propagate(context);
    return net::start_tls(*context, name);
}

std::string handshake_failure(const ssl_st* session, const std::string& name, const Connection::Code& code) {
    return net::handshake_failure(session, name, text_of(code));
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
