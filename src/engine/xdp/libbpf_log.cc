#include "engine/xdp/libbpf_log.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cstdio>

#include "base/log.h"

namespace weir::engine::xdp {
namespace {

int log_line(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    char line[1024];
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length > 0 && line[std::min<size_t>(static_cast<size_t>(length), sizeof line) - 1] == '\n')
        line[std::min<size_t>(static_cast<size_t>(length), sizeof line) - 1] = 0;
    spdlog::debug("{}", line);
    return length;
}

}  // namespace

void log_libbpf() {
    libbpf_set_print(log_line);
}

}  // namespace weir::engine::xdp
