// What a name stands for, by as many questions to one name server as it takes.
#pragma once

#include "discovery/dns_channel.h"
#include "discovery/source.h"

namespace weir::discovery {

enum class DnsType : uint8_t { any, a, aaaa, srv };

struct DnsWanted {
    std::string name;
    DnsType type = DnsType::any;        // any: both families' addresses
    std::optional<net::Port> port{};    // of addresses
    std::vector<std::string> search{};  // domains that the name may be in
};

struct DnsFound {
    Set set;
    std::optional<uint32_t> ttl{};  // the lowest of all answers
};

/// The names that are asked for, one after the other until one has something, as of resolv.conf(5) with its
/// `ndots` 1: one with a dot is complete before it is searched for, and one that ends with a dot always is.
std::vector<std::string> candidates(const DnsWanted& wanted);

/// Fails where the server does not know, be it of one question alone. That there is nothing is an answer.
boost::asio::awaitable<Result<DnsFound>> look_up(DnsChannel& channel, const DnsWanted& wanted);

}  // namespace weir::discovery
