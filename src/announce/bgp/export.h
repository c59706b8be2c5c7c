// What a peer is told: which VIPs, with which attributes, and what has to be said when that changes. Pure.
#pragma once

#include <map>
#include <string>

#include "announce/bgp/agree.h"
#include "announce/bgp/update.h"
#include "model/plan.h"

namespace weir::announce::bgp {

/// The VIPs that are to be announced, with the attributes that their services give them.
using Vips = std::map<net::Prefix, model::BgpAttributes>;

/// By a service's name: the attributes of its VIPs; none where it is not to be announced by BGP.
using Services = std::map<std::string, std::optional<model::BgpAttributes>>;

/// A VIP takes a service that is announced, and that all services of the VIP have somebody to answer. Of a
/// silent plan there are none.
Vips vips_of(const model::Plan& plan, const Services& services);

using Routes = std::map<net::Prefix, Attributes>;

struct Exported {
    Routes routes;
    std::map<net::Prefix, std::string> withheld;  // and why

    bool operator==(const Exported&) const = default;
};

/// `local`: the own address of the session. `leaving`: others are to be preferred from now on (RFC 8326).
Exported export_to(const model::BgpPeer& peer, const Agreed& agreed, uint32_t asn, const net::Ip& local,
                   const Vips& vips, bool leaving);

/// What one peer has been told since its session came up.
class AdjRibOut {
  public:
    explicit AdjRibOut(Dialect dialect = {}) : dialect_(dialect) {}

    /// The messages that make the peer have these and no others: what goes is said first.
    std::vector<Bytes> replace(Routes routes);
    /// All of a family once more.
    std::vector<Bytes> again(net::Family family) const;
    const Routes& routes() const { return routes_; }

  private:
    Dialect dialect_;
    Routes routes_;
};

}  // namespace weir::announce::bgp
