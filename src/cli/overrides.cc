// weir overrides: what the operator has changed of backends by hand.
#include <boost/json.hpp>
#include <iostream>

#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {

Run declare_overrides(Options& options, const Context& context) {
    return listing(options, context, "/api/v1/overrides", [](const boost::json::value& answer) {
        show_overrides(std::cout, answer, coloured_output());
    });
}

}  // namespace weir::cli
