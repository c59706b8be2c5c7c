#include "engine/xdp/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdio>
#include <string>

#include "base/log.h"

namespace weir::engine::xdp {
namespace {

// Of the verifier's log, which is thousands of lines, the end says what is wrong.
constexpr size_t kMost = 4096;

int log_line(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length <= 0) return length;
    std::string line(static_cast<size_t>(length), '\0');
    vsnprintf(line.data(), line.size() + 1, format, arguments);
    if (line.ends_with('\n')) line.pop_back();
    if (line.size() > kMost) line.replace(0, line.size() - kMost, "… ");
    spdlog::debug("{}", line);
    return length;
}

}  // namespace

void log_libbpf() {
    libbpf_set_print(log_line);
}

}  // namespace weir::engine::xdp
