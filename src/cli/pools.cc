// weir pools: a line for each backend of each pool.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_pools(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/pools", [](const boost::json::value& answer) {
        show_pools(std::cout, answer, coloured_output());
    });
}

}  // namespace weir::cli
