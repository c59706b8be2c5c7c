// What a client shows a TLS server and wants of it.
#include <algorithm>
#include <cctype>

#include "config/check_kinds.h"

namespace weir::config {
namespace {

Result<std::string> read_name(std::string_view text) {
    auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-._").contains(c);
    };
    if (text.empty() || text.size() > 253 || !std::ranges::all_of(text, allowed) || net::Ip::parse(text))
        return fail("'{}' is not a host's name; write one such as www.example.com", text);
    return std::string(text);
}

void read_client_certificate(const Fields& fields, model::Tls& tls, Mistakes& mistakes) {
    read_own_certificate(fields, tls.certificate, tls.key, mistakes);
    for (auto [one, other] : {std::pair("certificate", "key"), std::pair("key", "certificate")})
        if (fields.find(one) && !fields.find(other))
            mistakes.add(fields.place_of(one), "'{}' without '{}' is of no use; add that", one, other);
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
    return tls;
}

}  // namespace weir::config
