#include "config/klb/read.h"

#include "config/klb/directives.h"
#include "config/klb/includes.h"

namespace weir::config::klb {

std::expected<Configuration, std::vector<Remark>> read(const std::string& path, const Surroundings& outside) {
    Remarks remarks;
    Directives directives(outside, remarks);
    Includes includes(outside, remarks,
                      [&](const std::string& file, Line line) { directives.take(file, std::move(line)); });
    includes.read(path);
    auto services = directives.finish(path);
    if (!remarks.mistakes().empty()) return std::unexpected(std::move(remarks.mistakes()));
    return Configuration{std::move(services), std::move(remarks.warnings())};
}

}  // namespace weir::config::klb
