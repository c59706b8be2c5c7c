#include "bench/measure.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "lab/failure.h"
#include "lab/wait.h"

namespace weir::bench {
namespace {

double seconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// What follows `name` and a colon in a file of such lines.
std::string read_field(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name))
            if (auto colon = line.find(':'); colon != std::string::npos)
                return line.substr(std::min(line.size(), line.find_first_not_of(" \t", colon + 1)));
    return {};
}

}  // namespace

Alone::Alone(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    lab::check(sched_setaffinity(0, sizeof set, &set), "cannot run on CPU {}", cpu);
    const sched_param priority{1};
    sched_setscheduler(0, SCHED_FIFO, &priority);
}

Alone::~Alone() {
    const sched_param priority{0};
    sched_setscheduler(0, SCHED_OTHER, &priority);
}

OnCpu::OnCpu(int cpu) {
    lab::check(sched_getaffinity(0, sizeof before_, &before_), "cannot tell this thread's CPUs");
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    lab::check(sched_setaffinity(0, sizeof set, &set), "cannot run on CPU {}", cpu);
}

OnCpu::~OnCpu() {
    sched_setaffinity(0, sizeof before_, &before_);
}

double cpu_seconds() {
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}

double wall_seconds() {
    return seconds(CLOCK_MONOTONIC);
}

double quantile(std::vector<double> values, double share) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    auto at = values.begin() + std::lround(share * static_cast<double>(values.size() - 1));
    std::ranges::nth_element(values, at);
    return *at;
}

uint64_t process_memory(const std::string& name, pid_t pid) {
    auto text = read_field(fmt::format("/proc/{}/status", pid ? std::to_string(pid) : "self"), name);
    return text.empty() ? 0 : std::stoull(text) * 1024;
}

double process_seconds(pid_t pid) {
    clockid_t clock{};
    return clock_getcpuclockid(pid, &clock) == 0 ? seconds(clock) : 0;
}

uint64_t process_resident(pid_t pid) {
    auto text = read_field(fmt::format("/proc/{}/smaps_rollup", pid), "Rss");
    return text.empty() ? 0 : std::stoull(text) * 1024;
}

uint64_t map_memory(int map) {
    auto text = read_field(fmt::format("/proc/self/fdinfo/{}", map), "memlock");
    return text.empty() ? 0 : std::stoull(text);
}

int status_of(const std::function<int()>& work) {
    try {
        return work();
    } catch (const lab::Interrupted& interrupted) {
        return 128 + interrupted.signal;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "bench: {}\n", failure.what());
        return 1;
    }
}

std::string describe_machine() {
    utsname kernel{};
    uname(&kernel);
    double load = 0;
    getloadavg(&load, 1);
    return fmt::format("{} CPUs ({}), Linux {}, load {:.1f}", sysconf(_SC_NPROCESSORS_ONLN),
                       read_field("/proc/cpuinfo", "model name"), kernel.release, load);
}

}  // namespace weir::bench
