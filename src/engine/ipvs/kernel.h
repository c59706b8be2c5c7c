// The port to the kernel: everything that the engine reads and changes there. In Linux it is netlink
// (linux_kernel.h), in tests memory (fake_kernel.h).
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/ipvs/service.h"

namespace weir::engine::ipvs {

/// All that there is, whoever made it.
struct Contents {
    std::map<ServiceKey, FoundService> services{};
    std::map<Role, SyncDaemon> daemons{};
    Timeouts timeouts{};
    std::set<net::Ip> addresses{};  // of every interface
    bool forwards_v4 = true;        // the sysctls by which this host passes packets on
    bool forwards_v6 = true;

    bool forwards(net::Family family) const { return family == net::Family::v4 ? forwards_v4 : forwards_v6; }
    bool operator==(const Contents&) const = default;
};

struct AddService {
    ServiceKey key;
    Service settings;
    bool operator==(const AddService&) const = default;
};
struct EditService {
    ServiceKey key;
    Service settings;
    bool operator==(const EditService&) const = default;
};
struct RemoveService {
    ServiceKey key;
    bool operator==(const RemoveService&) const = default;
};
struct AddDestination {
    ServiceKey key;
    net::Endpoint at;
    Destination settings;
    bool operator==(const AddDestination&) const = default;
};
struct EditDestination {
    ServiceKey key;
    net::Endpoint at;
    Destination settings;
    bool operator==(const EditDestination&) const = default;
};
struct RemoveDestination {
    ServiceKey key;
    net::Endpoint at;
    bool operator==(const RemoveDestination&) const = default;
};
/// On `lo`: IPVS takes packets only for an address of this host.
struct AddAddress {
    net::Ip address;
    bool operator==(const AddAddress&) const = default;
};
struct RemoveAddress {
    net::Ip address;
    bool operator==(const RemoveAddress&) const = default;
};
struct StartDaemon {
    Role role;
    SyncDaemon settings;
    bool operator==(const StartDaemon&) const = default;
};
struct StopDaemon {
    Role role;
    bool operator==(const StopDaemon&) const = default;
};
struct SetTimeouts {
    Timeouts settings;
    bool operator==(const SetTimeouts&) const = default;
};

using Change =
    std::variant<AddService, EditService, RemoveService, AddDestination, EditDestination, RemoveDestination,
                 AddAddress, RemoveAddress, StartDaemon, StopDaemon, SetTimeouts>;

/// For the log, in the present tense: `adds the service 192.0.2.1:80/tcp (wlc)`.
std::string text_of(const Change& change);

class Kernel {
  public:
    virtual ~Kernel() = default;

    /// Fails where the kernel has no IPVS.
    virtual Result<Contents> read() = 0;

    /// To remove what is not there is fine.
    virtual Status make(const Change& change) = 0;

    /// Where a connection goes that IPVS remembers.
    virtual Result<std::optional<net::Endpoint>> find_connection(const Flow& flow) = 0;
};

}  // namespace weir::engine::ipvs
