#include "lab/speech.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace weir::lab {

void say_text(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

std::string paint(const std::string& text, const char* code) {
    static const bool coloured = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return coloured ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}
std::string strong(const std::string& text) {
    return paint(text, "1");
}
std::string judged(const std::string& text, bool good) {
    return paint(text, good ? "32" : "31");
}

long milliseconds(std::chrono::steady_clock::duration time) {
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

}  // namespace weir::lab
