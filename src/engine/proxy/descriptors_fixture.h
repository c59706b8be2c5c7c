// How many descriptors the process has, for tests that count what is left behind.
#pragma once

#include <dirent.h>

#include <cstddef>
#include <filesystem>

namespace weir::engine::proxy {

inline size_t open_descriptors() {
    size_t count = 0;
    auto* folder = ::opendir("/proc/self/fd");
    while (::readdir(folder)) ++count;
    ::closedir(folder);
    return count;
}

}  // namespace weir::engine::proxy
