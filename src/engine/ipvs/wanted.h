// What a plan wants of IPVS. Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "engine/ipvs/service.h"
#include "model/plan.h"

namespace weir::engine::ipvs {

struct WantedService {
    Service settings;
    std::map<net::Endpoint, Destination> destinations{};
    std::set<net::Endpoint> cut{};  // have to go at once, whatever their connections

    bool operator==(const WantedService&) const = default;
};

struct Wanted {
    std::map<ServiceKey, WantedService> services{};
    std::map<Role, SyncDaemon> daemons{};
    Timeouts timeouts{};
    /// Frontends that IPVS cannot carry out, and why.
    std::map<model::FrontendKey, std::string> impossible{};

    bool operator==(const Wanted&) const = default;
};

/// Of frontends of other engines nothing is taken. `keeps_trying`: a target that shall be there without new
/// connections although nothing may go there, because the kernel has refused it so far.
Wanted wanted_of(const model::Plan& plan,
                 const std::function<bool(const model::TargetKey&)>& keeps_trying = {});

/// What IPVS knows a frontend by; it has no prefixes, no ranges of ports and no other protocols than TCP, UDP
/// and SCTP.
Result<ServiceKey> service_key(const model::FrontendKey& key);

/// Where a backend is reached: only NAT changes a packet's port.
net::Endpoint destination_of(const model::Frontend& frontend, const model::Backend& backend);

/// The kernel's flags, of the words that ipvsadm has for them.
Result<uint32_t> scheduler_flags(const std::vector<std::string>& words);

/// Whole numbers in the proportion of weight × fraction. They stay small: wrr gives runs of connections to
/// one backend as long as the weights differ. Where every fraction is whole they are the weights.
std::vector<uint32_t> weights_of(const std::vector<model::Target>& targets);

}  // namespace weir::engine::ipvs
