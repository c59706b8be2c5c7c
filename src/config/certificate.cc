// Certificates and keys that the configuration names. The files are read with it, so that a configuration
// with a wrong one is refused and a reload takes a new one.
#include "base/pem.h"
#include "config/sections.h"

namespace weir::config {
namespace {

constexpr size_t kMostPem = 1 << 20;

Result<model::FileText> read_pem(std::string_view path, std::string_view what, auto parse) {
    auto text = read_named_file(std::string(path), what, kMostPem);
    if (!text) return propagate(text);
    if (auto parsed = parse(*text); !parsed)
        return fail("'{}' is no {}: {}", path, what, parsed.error().message);
    return model::FileText(*std::move(text));
}

Result<model::FileText> read_private_key_file(std::string_view path) {
    return read_pem(path, "key file", read_private_key);
}

}  // namespace

Result<model::FileText> read_certificate_file(std::string_view path) {
    return read_pem(path, "certificate file", read_certificates);
}

void read_own_certificate(const Fields& fields, model::FileText& certificate, model::FileText& key,
                          Mistakes& mistakes) {
    bool has_certificate = fields.parsed("certificate", read_certificate_file, certificate);
    bool has_key = fields.parsed("key", read_private_key_file, key);
    if (!has_certificate || !has_key) return;
    auto certificates = read_certificates(certificate.view());
    auto private_key = read_private_key(key.view());
    if (certificates && private_key && !belong_together(certificates->front(), *private_key))
        mistakes.add(fields.place_of("key"),
                     "this is not the key of the certificate; give the two that belong together");
}

}  // namespace weir::config
