// weir enable, weir disable: a backend's administrative state, beside the configuration.
#include <boost/json.hpp>

#include "cli/override.h"

namespace weir::cli {
namespace {

Run declare_state(Options& options, const Context& context, const char* state) {
    auto whom = std::make_shared<Whom>();
    declare_whom(options, *whom);
    return [whom, &context, state] { return change_until_lifted(context, *whom, {{"state", state}}, state); };
}

}  // namespace

Run declare_enable(Options& options, const Context& context) {
    return declare_state(options, context, "enabled");
}

Run declare_disable(Options& options, const Context& context) {
    return declare_state(options, context, "disabled");
}

}  // namespace weir::cli
