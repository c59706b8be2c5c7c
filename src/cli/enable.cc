// weir enable, weir disable: a backend's administrative state, beside the configuration.
#include <boost/json.hpp>
#include <iostream>

#include "cli/override.h"

namespace weir::cli {
namespace {

Run declare_state(Options& options, const Context& context, const char* state) {
    auto whom = std::make_shared<Whom>();
    declare_whom(options, *whom);
    return [whom, &context, state] {
        int status = change(context, *whom, {{"state", state}});
        if (status == kDone)
            std::cout << fmt::format("{}: {}; `weir lift` goes back to the configuration\n", text_of(*whom),
                                     state);
        return status;
    };
}

}  // namespace

Run declare_enable(Options& options, const Context& context) {
    return declare_state(options, context, "enabled");
}

Run declare_disable(Options& options, const Context& context) {
    return declare_state(options, context, "disabled");
}

}  // namespace weir::cli
