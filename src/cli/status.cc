// weir status: how the daemon is; what is wrong comes first.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_status(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/status", [](const boost::json::value& answer) {
        show_status(std::cout, answer, coloured_output());
    });
}

}  // namespace weir::cli
