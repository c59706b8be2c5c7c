// How the demos speak: to standard output, at once, in colours where that is a terminal.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace weir::lab {

void say_text(const std::string& text);

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
    say_text(fmt::format(format, std::forward<Args>(args)...));
}

std::string paint(const std::string& text, const char* code);
std::string strong(const std::string& text);
/// Green or red.
std::string judged(const std::string& text, bool good);

long milliseconds(std::chrono::steady_clock::duration time);

}  // namespace weir::lab
