// weir sync: the balancers that flows are shared with.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_sync(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/sync",
                   [](const boost::json::value& answer) { show_sync(std::cout, answer, coloured_output()); });
}

}  // namespace weir::cli
