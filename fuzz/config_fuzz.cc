// Any bytes as a configuration: never a crash; each mistake one line inside the text; what is accepted can be
// planned.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>

#include "config/load.h"
#include "model/plan.h"

namespace {

using namespace weir;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_mistakes(std::string_view text, const std::vector<config::Mistake>& mistakes) {
    auto lines = std::ranges::count(text, '\n') + 1;
    require(!mistakes.empty());
    require(std::ranges::is_sorted(mistakes, {}, [](const auto& m) { return std::pair(m.line, m.column); }));
    for (const auto& mistake : mistakes) {
        require(mistake.line >= 1 && mistake.line <= lines && mistake.column >= 1);
        require(mistake.message.find(';') != std::string::npos &&
                mistake.message.find('\n') == std::string::npos);
    }
    auto described = config::describe("f", mistakes);
    require(static_cast<size_t>(std::ranges::count(described, '\n')) == mistakes.size());
}

void check_config(const model::Config& config) {
    std::set<model::FrontendKey> keys;
    for (const auto& frontend : model::plan(config, {}).frontends) {
        require(keys.insert(frontend.key).second);
        require(!frontend.targets.empty() && frontend.targets.size() <= frontend.scheduler.table_size);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto config = config::parse(text))
        check_config(*config);
    else
        check_mistakes(text, config.error());
    return 0;
}
