#include "base/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace weir {
namespace {

struct BioEnd {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioEnd>;

Bio over(std::string_view text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// In the place of OpenSSL's own, which asks on the terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

}  // namespace

void PemEnd::operator()(x509_st* certificate) const {
    X509_free(certificate);
}

void PemEnd::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

Result<std::vector<Certificate>> read_certificates(std::string_view pem) {
    std::vector<Certificate> certificates;
    auto bio = over(pem);
    ERR_clear_error();
    while (auto* read = PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr))
        certificates.emplace_back(read);
    // The end of the text is an error too, "no start line".
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (certificates.empty()) return fail("there is no certificate in PEM");
    if (!at_end) return fail("certificate {} is broken", certificates.size() + 1);
    return certificates;
}

Result<PrivateKey> read_private_key(std::string_view pem) {
    auto bio = over(pem);
    PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    ERR_clear_error();
    if (!key) return fail("there is no private key in PEM, or it is under a passphrase");
    return key;
}

bool belong_together(const Certificate& certificate, const PrivateKey& key) {
    bool yes = X509_check_private_key(certificate.get(), key.get()) == 1;
    ERR_clear_error();
    return yes;
}

}  // namespace weir
