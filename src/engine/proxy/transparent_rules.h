// The way back of connections that bear their clients' addresses. What a backend answers to a client comes
// through this host, and would be routed on; a rule for each backend's address and port has it handed to the
// socket that waits for it instead. Rules and route carry weir's protocol number, by which a later daemon
// knows them.
#pragma once

#include <compare>
#include <set>

#include "base/result.h"
#include "model/config.h"
#include "net/ip.h"

namespace weir::engine::proxy {

struct AnsweredBy {
    net::Endpoint backend;
    model::Protocol protocol = model::Protocol::tcp;

    auto operator<=>(const AnsweredBy&) const = default;
};

/// The routing table that hands everything to this host; its priority is the rules', behind the kernel's rule
/// for local addresses and before the main table's.
inline constexpr uint32_t kTransparentTable = 30583;  // 0x7777
inline constexpr uint32_t kRulePriority = 30583;

/// Adds what is missing, and removes weir's own that are not wanted any more. Needs CAP_NET_ADMIN only where
/// something is to change.
Status set_transparent_rules(const std::set<AnsweredBy>& backends);

}  // namespace weir::engine::proxy
