// The listings' tables, made from the API's JSON.
#pragma once

#include <boost/json/fwd.hpp>
#include <iosfwd>

namespace weir::cli {

void show_status(std::ostream& out, const boost::json::value& status, bool coloured);
void show_services(std::ostream& out, const boost::json::value& services, bool coloured);
void show_backends(std::ostream& out, const boost::json::value& backends, bool coloured);
void show_pools(std::ostream& out, const boost::json::value& pools, bool coloured);
void show_flows(std::ostream& out, const boost::json::value& flows, bool coloured);
void show_bgp(std::ostream& out, const boost::json::value& bgp, bool coloured);
void show_sync(std::ostream& out, const boost::json::value& sync, bool coloured);
void show_overrides(std::ostream& out, const boost::json::value& overrides, bool coloured);
void show_event(std::ostream& out, const boost::json::value& event, bool coloured);
void show_plan(std::ostream& out, const boost::json::value& plan, bool coloured);
void show_difference(std::ostream& out, const boost::json::value& difference, bool coloured);

}  // namespace weir::cli
