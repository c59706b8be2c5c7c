#include "model/source_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weir::model {
namespace {

struct Words {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(int64_t number) const { return std::to_string(number); }
    std::string operator()(std::chrono::milliseconds span) const { return duration_text(span.count()); }
    std::string operator()(const std::vector<std::string>& list) const {
        return fmt::format("{}", fmt::join(list, ", "));
    }
    std::string operator()(const FileText&) const { return "(what the file holds)"; }
    std::string operator()(const Tls& tls) const { return tls.sni.empty() ? "(tls)" : tls.sni; }
};

}  // namespace

std::string text_of(const SourceSpec::Value& value) {
    return std::visit(Words{}, value);
}

std::string text_of(const SourceSpec& spec) {
    auto text = spec.kind;
    for (const auto& [name, value] : spec.settings) text += fmt::format(" {}={}", name, text_of(value));
    return text;
}

}  // namespace weir::model
