// DNS messages (RFC 1035) as a client needs them: one question, and the answers to it as text. The codec is
// the C library's resolver.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::proto {

struct DnsQuestion {
    std::string name;
    std::string type = "A";  // one of dns_types()
};

struct DnsAnswer {
    std::string rcode;                 // NOERROR, NXDOMAIN, …
    bool truncated = false;            // the message could not hold all of it: nothing else is known
    std::vector<std::string> records;  // of the type asked for, as below
    std::string alias{};               // where the name's CNAMEs lead to; "" if it has none
    /// Seconds that the answer holds: as long as each of its records, or where there are none for as long as
    /// RFC 2308 says. Nothing where it does not say.
    std::optional<uint32_t> ttl{};
    /// Where there are no records, that there are none is known: the server has the say itself or has asked
    /// who does, and refers to nobody.
    bool final = false;
};

/// What their records read as: an address (A, AAAA), a name (NS, CNAME, PTR; of SOA the primary server),
/// "10 mail.example.org" (MX), "0 5 443 host.example.org" (SRV), the strings in one (TXT). Names are in lower
/// case and without the last dot.
std::span<const std::string_view> dns_types();

/// The message that asks, with recursion desired.
Result<std::vector<uint8_t>> write_dns_question(const DnsQuestion& question, uint16_t id);

/// What `message` answers to the question that was asked with this id. Fails for anything else.
Result<DnsAnswer> read_dns_answer(std::span<const uint8_t> message, const DnsQuestion& question, uint16_t id);

}  // namespace weir::proto
