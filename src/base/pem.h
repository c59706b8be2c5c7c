// Certificates and private keys as files have them (PEM, RFC 7468).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

struct x509_st;
struct evp_pkey_st;

namespace weir {

struct PemEnd {
    void operator()(x509_st* certificate) const;
    void operator()(evp_pkey_st* key) const;
};
using Certificate = std::unique_ptr<x509_st, PemEnd>;
using PrivateKey = std::unique_ptr<evp_pkey_st, PemEnd>;

/// All of them in the order of the text, at least one.
Result<std::vector<Certificate>> read_certificates(std::string_view pem);

/// Fails for one under a passphrase: nobody is asked.
Result<PrivateKey> read_private_key(std::string_view pem);

/// Whether the certificate is of this key.
bool belong_together(const Certificate& certificate, const PrivateKey& key);

}  // namespace weir
