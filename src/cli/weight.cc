// weir weight: how much of the new flows a backend gets, beside the configuration.
#include <boost/json.hpp>
#include <charconv>

#include "cli/override.h"
#include "model/override.h"

namespace weir::cli {
namespace {

struct Asked {
    Whom whom;
    std::string weight;
};

int set_weight(const Context& context, Asked& asked) {
    const auto& text = asked.weight;
    uint32_t weight = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), weight);
    if (code != std::errc() || end != text.data() + text.size() || weight > model::kLargestWeight)
        return refuse({fmt::format("'{}' is no weight, a number from 0 to {}", text, model::kLargestWeight)});
    return change_until_lifted(context, asked.whom, {{"weight", weight}}, fmt::format("weight {}", weight));
}

}  // namespace

Run declare_weight(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    declare_whom(options, asked->whom);
    options.argument("N", asked->weight, "Its weight, 0 to 1000; 0 takes no new flows");
    return [asked, &context] { return set_weight(context, *asked); };
}

}  // namespace weir::cli
