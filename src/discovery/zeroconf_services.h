// The services that Avahi tells of, and the backends that they are: what Avahi's browser and its resolvers
// say, in any order, becomes a set. Pure.
//
// A service is announced under a name, once on each interface and over each of mDNS's two protocols, and its
// address is asked for separately for each. A backend, an address with a port, is there for as long as one of
// them leads to it. See RFC 6763 (DNS-SD) and doc/discovery.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "discovery/source.h"

namespace weir::discovery {

/// An announcement's key, as libavahi-client has it.
struct ServiceId {
    int interface = -1;
    int protocol = -1;
    std::string name;
    std::string type;
    std::string domain;

    auto operator<=>(const ServiceId&) const = default;
};

/// What it leads to.
struct Announced {
    net::Ip address;
    uint16_t port = 0;
    std::vector<std::string> txt{};  // its strings as they came, `name=value` mostly

    bool operator==(const Announced&) const = default;
};

struct Appeared {
    ServiceId id;
};
struct Vanished {
    ServiceId id;
};
/// Again and again, whenever something of it changes; an error where nobody answers (any more).
struct Resolved {
    ServiceId id;
    Result<Announced> is;
};
/// Who is there has most likely answered by now.
struct AllForNow {};
using ServiceEvent = std::variant<Appeared, Vanished, Resolved, AllForNow>;

/// A backend, or why it is none. Of TXT (keys in either case, the first of a key counts): `weight`, a number
/// from 0 to 1000000 of which up to 1000 is used, rounded, and only 0 becomes 0; `tag`, words with commas
/// between.
Result<Found> read_announced(const Announced& announced);

class ZeroconfServices {
  public:
    void take(const ServiceEvent& event);

    /// All have appeared that are there, and all of them have been resolved or given up.
    bool settled() const;
    Set set() const;

  private:
    std::map<ServiceId, std::optional<Result<Announced>>> all_;
    bool all_for_now_ = false;
    size_t too_many_ = 0;
};

}  // namespace weir::discovery
