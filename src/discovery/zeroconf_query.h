// What a zeroconf source looks for, as DNS-SD names it: the service's type and the domain. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "net/ip.h"

namespace weir::discovery {

/// `http` as `_http._tcp`; `_dns._udp` as it is. A service's name is as of RFC 6335, section 5.1: 1 to 15
/// letters, digits and single hyphens between them, with a letter among them.
Result<std::string> read_service_type(std::string_view text);

/// Labels of 1 to 63 bytes, 255 in all (RFC 6763, section 4.1.3, so any UTF-8), without the dot at the end.
Result<std::string> read_domain(std::string_view text);

struct ZeroconfQuery {
    std::string type;
    std::string domain;
    std::string interface{};              // "": all
    std::optional<net::Family> family{};  // nothing: both
};

}  // namespace weir::discovery
