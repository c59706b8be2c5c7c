#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdlib>

namespace weir {

void set_up_log(const std::string& level) {
    // libzookeeper tells what it has to say from threads of its own.
    auto logger = spdlog::stderr_color_mt("weir");
    // Under systemd the journal stamps the time itself.
    logger->set_pattern(std::getenv("JOURNAL_STREAM") ? "%l: %v" : "%Y-%m-%dT%H:%M:%S.%e %l: %v");
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace weir
