// The settings of each kind of check: one reader a kind.
#pragma once

#include "config/sections.h"

namespace weir::config {

model::Check::Kind read_tcp_check(const Fields& settings, Mistakes& mistakes);
model::Check::Kind read_http_check(const Fields& settings, Mistakes& mistakes);
model::Check::Kind read_https_check(const Fields& settings, Mistakes& mistakes);
model::Check::Kind read_dns_check(const Fields& settings, Mistakes& mistakes);
model::Check::Kind read_exec_check(const Fields& settings, Mistakes& mistakes);
model::Check::Kind read_udp_check(const Fields& settings, Mistakes& mistakes);

/// The settings of TLS among those of a check or a webhook.
model::Tls read_tls(const Fields& settings, Mistakes& mistakes);

using Headers = std::vector<std::pair<std::string, std::string>>;
/// Those of a request, each once: names to values.
Headers read_headers(const Node& mapping, Mistakes& mistakes);

}  // namespace weir::config
