// weir backends: a line for each backend behind each VIP and port.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_backends(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/backends", [](const boost::json::value& answer) {
        show_backends(std::cout, answer, coloured_output());
    });
}

}  // namespace weir::cli
