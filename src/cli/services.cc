// weir services: a line for each VIP and port of each service.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_services(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/services", [](const boost::json::value& answer) {
        show_services(std::cout, answer, coloured_output());
    });
}

}  // namespace weir::cli
