// What a check shows a TLS server and wants of it. The files are read here, so that a configuration with a
// wrong one is refused and a reload takes a new one.
#include <algorithm>
#include <cctype>

#include "base/pem.h"
#include "config/check_kinds.h"

namespace weir::config {
namespace {

constexpr size_t kMostPem = 1 << 20;

Result<std::string> read_name(std::string_view text) {
    auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-._").contains(c);
    };
    if (text.empty() || text.size() > 253 || !std::ranges::all_of(text, allowed) || net::Ip::parse(text))
        return fail("'{}' is not a host's name; write one such as www.example.com", text);
    return std::string(text);
}

Result<model::FileText> read_pem(std::string_view path, std::string_view what, auto parse) {
    auto text = read_named_file(std::string(path), what, kMostPem);
    if (!text) return propagate(text);
    if (auto parsed = parse(*text); !parsed)
        return fail("'{}' is no {}: {}", path, what, parsed.error().message);
    return model::FileText(*std::move(text));
}

Result<model::FileText> read_certificate_file(std::string_view path) {
    return read_pem(path, "certificate file", read_certificates);
}

Result<model::FileText> read_private_key_file(std::string_view path) {
    return read_pem(path, "key file", read_private_key);
}

void read_client_certificate(const Fields& fields, model::Tls& tls, Mistakes& mistakes) {
    bool has_certificate = fields.parsed("certificate", read_certificate_file, tls.certificate);
    bool has_key = fields.parsed("key", read_private_key_file, tls.key);
    for (auto [one, other] : {std::pair("certificate", "key"), std::pair("key", "certificate")})
        if (fields.find(one) && !fields.find(other))
            mistakes.add(fields.place_of(one), "'{}' without '{}' is of no use; add that", one, other);
    if (!has_certificate || !has_key) return;
    auto certificates = read_certificates(tls.certificate.view());
    auto key = read_private_key(tls.key.view());
    if (certificates && key && !belong_together(certificates->front(), *key))
        mistakes.add(fields.place_of("key"),
                     "this is not the key of the certificate; give the two that belong together");
}

}  // namespace

model::Tls read_tls(const Fields& fields, Mistakes& mistakes) {
    model::Tls tls;
    fields.parsed("sni", read_name, tls.sni);
    fields.choice("verify", tls.verify);
    if (fields.parsed("ca_file", read_certificate_file, tls.authorities) && !tls.verify)
        mistakes.add(fields.place_of("ca_file"),
                     "nothing is held against this with 'verify: false'; leave one of the two out");
    read_client_certificate(fields, tls, mistakes);
    fields.duration("expiry_warning", tls.expiry_warning);
    return tls;
}

}  // namespace weir::config
