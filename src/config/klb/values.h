// The values of klb's directives, each as klb reads it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/klb/surroundings.h"

namespace weir::config::klb {

/// `192.0.2.1:80`; the port may be a name, the address any form that inet_aton(3) takes. Something that weir
/// can balance too: no loopback address.
Result<net::Endpoint> read_bind(std::string_view text, const Surroundings& outside);

/// `http` and `_http._tcp` as `_http._tcp`; the name is as RFC 6335 wants it.
Result<std::string> read_service_type(std::string_view text);

/// One of the kernel's own.
Result<std::string> read_scheduler(std::string_view text);

/// A DNS name of ASCII letters, digits, '-' and '_'.
Result<std::string> read_domain(std::string_view text);

/// Whether it matters to the scheduler which weight a backend has.
bool uses_weights(std::string_view scheduler);

}  // namespace weir::config::klb
