// weir bgp: the peers, and the routes that each is told of.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_bgp(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/bgp",
                   [](const boost::json::value& answer) { show_bgp(std::cout, answer, coloured_output()); });
}

}  // namespace weir::cli
