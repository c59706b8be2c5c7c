#include "base/hmac.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <stdexcept>

namespace weir {
namespace {

/// Only a broken installation of OpenSSL, or no memory, makes it fail.
void require(bool done) {
    if (!done) throw std::runtime_error("OpenSSL does not do HMAC-SHA-256");
}

}  // namespace

void Hmac::Free::operator()(evp_mac_ctx_st* context) const {
    EVP_MAC_CTX_free(context);
}

Hmac::Hmac(std::string_view key) {
    std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                          EVP_MAC_free);
    require(mac != nullptr);
    keyed_.reset(EVP_MAC_CTX_new(mac.get()));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_end()};
    require(keyed_ && EVP_MAC_init(keyed_.get(), reinterpret_cast<const unsigned char*>(key.data()),
                                   key.size(), parameters) == 1);
}

Hmac::Code Hmac::of(std::span<const uint8_t> bytes) const {
    Code code{};
    size_t size = 0;
    // Without a key the context goes back to where the key had been taken in.
    require(EVP_MAC_init(keyed_.get(), nullptr, 0, nullptr) == 1 &&
            EVP_MAC_update(keyed_.get(), bytes.data(), bytes.size()) == 1 &&
            EVP_MAC_final(keyed_.get(), code.data(), &size, code.size()) == 1 && size == code.size());
    return code;
}

Hmac::Code Hmac::of(std::string_view text) const {
    return of(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace weir
