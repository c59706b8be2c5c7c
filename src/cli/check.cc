// weir check: every mistake of a configuration, or one line that it is right.
#include <iostream>

#include "cli/subcommand.h"
#include "config/load.h"

namespace weir::cli {

Run declare_check(Options& options, const Context& context) {
    auto file = std::make_shared<std::string>();
    options.argument("FILE", *file, "The configuration, weir.yaml(5)");
    return [file, &context] {
        auto loaded = context.daemon->load(*file);
        if (!loaded) return refuse(*file, loaded.error());
        size_t backends = 0;
        for (const auto& [name, pool] : loaded->pools) backends += pool.backends.size();
        std::cout << fmt::format("{}: good: services: {}, pools: {}, backends: {}\n", *file,
                                 loaded->services.size(), loaded->pools.size(), backends);
        return int{kDone};
    };
}

}  // namespace weir::cli
