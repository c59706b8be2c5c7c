// SRV records (RFC 2782) as backends. Pure.
#pragma once

#include <map>
#include <string_view>

#include "discovery/source.h"

namespace weir::discovery {

struct Srv {
    uint16_t priority = 0;
    uint16_t weight = 0;
    uint16_t port = 0;
    std::string target;  // "" says that there is no such service

    bool operator==(const Srv&) const = default;
};

/// "0 5 443 host.example.org", as proto/dns.h has it.
Result<Srv> read_srv(std::string_view text);

/// The addresses of each target, in the records' order. Each priority is a tier of its own.
///
/// Within a priority the weights keep their proportions. A record's weight is shared by its target's
/// addresses, of each family separately: one family is what a service uses. Where all that comes out so are
/// whole numbers up to 1000 they stay; else the largest becomes 1000 and none is below 1. Weight 0 is the
/// smallest there is, "a very small chance" beside others, and 1 where all are 0.
Set spread(const std::vector<Srv>& records, const std::map<std::string, std::vector<net::Ip>>& addresses);

}  // namespace weir::discovery
