// For tests: certificates made on the spot.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace weir {

/// In PEM.
struct MadeCertificate {
    std::string certificate;
    std::string key;
};

struct CertificateWish {
    std::string names{};  // as in "DNS:www.example.org,IP:192.0.2.1"; empty: an authority's
    int days = 90;        // of life from now on; negative: it has ended
    const MadeCertificate* issuer = nullptr;  // null: itself
};

namespace made {

inline void must(bool done) {
    if (!done) throw std::runtime_error("OpenSSL cannot make a certificate");
}

inline std::string text_of(BIO* bio) {
    char* data = nullptr;
    auto size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
}

inline std::unique_ptr<BIO, decltype(&BIO_free)> over(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

inline void extend(X509* certificate, int what, const std::string& value) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
    must(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

}  // namespace made

inline MadeCertificate make_certificate(const CertificateWish& wish) {
    using made::must;
    static long serial = 1;
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> own(X509_new(), X509_free);
    auto* certificate = own.get();
    must(key && X509_set_version(certificate, 2) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -100L * 24 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.days * 24L * 3600 + 600);
    auto* subject = X509_get_subject_name(certificate);
    auto common_name = wish.names.empty() ? std::string("an authority") : std::string("a server");
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    X509_set_pubkey(certificate, key.get());
    made::extend(certificate, NID_basic_constraints, wish.names.empty() ? "critical,CA:TRUE" : "CA:FALSE");
    if (!wish.names.empty()) made::extend(certificate, NID_subject_alt_name, wish.names);
    if (wish.issuer) {
        std::unique_ptr<X509, decltype(&X509_free)> issuer(
            PEM_read_bio_X509(made::over(wish.issuer->certificate).get(), nullptr, nullptr, nullptr),
            X509_free);
        std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> by(
            PEM_read_bio_PrivateKey(made::over(wish.issuer->key).get(), nullptr, nullptr, nullptr),
            EVP_PKEY_free);
        must(issuer && by);
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get()));
        must(X509_sign(certificate, by.get(), EVP_sha256()) > 0);
    } else {
        X509_set_issuer_name(certificate, subject);
        must(X509_sign(certificate, key.get(), EVP_sha256()) > 0);
    }
    auto* certificate_text = BIO_new(BIO_s_mem());
    auto* key_text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_text, certificate);
    PEM_write_bio_PrivateKey(key_text, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {made::text_of(certificate_text), made::text_of(key_text)};
}

}  // namespace weir
