#include "config/klb/remarks.h"

#include "config/reader.h"

namespace weir::config::klb {

std::string Remark::text() const {
    const auto file = printable(where.file);
    if (where.at.line == 0) return fmt::format("{}: {}", file, message);
    return fmt::format("{}:{}:{}: {}", file, where.at.line, where.at.column, message);
}

void Remarks::add(const std::string& file, const Mistake& mistake) {
    if (full()) return;
    Remark remark{{file, {mistake.line, mistake.column}}, printable(mistake.message)};
    if (mistakes_.size() == kMostMistakes)
        remark.message = "more mistakes begin here; correct those above first";
    mistakes_.push_back(std::move(remark));
}

void Remarks::warn(const std::string& file, Place at, const std::string& message) {
    warnings_.push_back({{file, at}, printable(message)});
}

}  // namespace weir::config::klb
