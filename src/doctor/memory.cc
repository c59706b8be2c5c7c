#include "doctor/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace weir::doctor {
namespace {

namespace fs = std::filesystem;

std::optional<uint64_t> available() {
    std::ifstream file("/proc/meminfo");
    for (std::string name; file >> name;) {
        uint64_t kilobytes = 0;
        if (name == "MemAvailable:" && file >> kilobytes) return kilobytes << 10;
        std::getline(file, name);
    }
    return std::nullopt;
}

std::optional<uint64_t> number_in(const fs::path& file) {
    uint64_t number = 0;
    if (std::ifstream(file) >> number) return number;  // "max" is none
    return std::nullopt;
}

/// Where control groups of version 2 are mounted, beside those of version 1 perhaps.
std::optional<fs::path> mounted_cgroups() {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string device, point, type, rest;
         mounts >> device >> point >> type && std::getline(mounts, rest);)
        if (type == "cgroup2") return point;
    return std::nullopt;
}

std::string own_cgroup() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::/")) return line.substr(4);
    return "";
}

std::optional<uint64_t> left_by_cgroups() {
    const auto root = mounted_cgroups();
    if (!root) return std::nullopt;
    std::error_code ignored;
    const fs::path service = *root / "system.slice/weir.service";
    std::optional<uint64_t> left;
    for (fs::path group = fs::exists(service, ignored) ? service : *root / own_cgroup();
         group != *root && group.has_relative_path(); group = group.parent_path()) {
        const auto most = number_in(group / "memory.max"), now = number_in(group / "memory.current");
        if (most && now) left = std::min(left.value_or(UINT64_MAX), *most - std::min(*most, *now));
    }
    return left;
}

}  // namespace

std::optional<uint64_t> free_memory() {
    const auto host = available(), cgroups = left_by_cgroups();
    if (!host || !cgroups) return host ? host : cgroups;
    return std::min(*host, *cgroups);
}

std::optional<uint64_t> memlock_limit(const std::string& release, bool may_raise_limits) {
    int major = 0, minor = 0;
    if (may_raise_limits || std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return std::nullopt;
    if (major > 5 || (major == 5 && minor >= 11)) return std::nullopt;
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
    return limit.rlim_cur;
}

}  // namespace weir::doctor
