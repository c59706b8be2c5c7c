// Prints what a packet costs the datapath in instructions and calls, by scenario. The same in every run and
// on every machine: doc/performance.md.
#include <fmt/format.h>

#include "bench/measure.h"
#include "bench/scenarios.h"

int main() {
    using namespace weir::bench;
    return status_of([] {
        fmt::print("| scenario | instructions | calls | of these |\n|---|---|---|---|\n");
        for (const auto& [name, steps] : count_steps()) {
            std::string calls = steps.functions ? fmt::format("{} functions", steps.functions) : "";
            for (const auto& [helper, times] : steps.helpers)
                calls += fmt::format("{}{} {}", calls.empty() ? "" : ", ", times, helper);
            fmt::print("| {} | {} | {} | {} |\n", name, steps.instructions, steps.calls(), calls);
        }
        return 0;
    });
}
