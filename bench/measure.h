// Times and their medians. The machine is shared: what counts is the ratio to a floor measured in the same
// round.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace weir::bench {

/// Puts this thread on one CPU, before all others that wait for it (where the machine allows that).
class Alone {
  public:
    explicit Alone(int cpu);
    ~Alone();
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;
};

/// This thread, and what it starts meanwhile, on one CPU.
class OnCpu {
  public:
    explicit OnCpu(int cpu);
    ~OnCpu();
    OnCpu(const OnCpu&) = delete;
    OnCpu& operator=(const OnCpu&) = delete;

  private:
    cpu_set_t before_{};
};

double cpu_seconds();   // of this thread
double wall_seconds();  // monotonic

/// The value below which that share of them lies; 0.5 is the median. NaN of none.
double quantile(std::vector<double> values, double share);

/// A line of /proc/PID/status, in bytes: "VmRSS", "RssAnon", … 0: of this process.
uint64_t process_memory(const std::string& name, pid_t pid = 0);

/// What a process has used on all its threads, as /proc/PID/stat has it, but finer. 0 where there is none.
double process_seconds(pid_t pid);

/// All that is resident of a process, counted page by page, in bytes.
uint64_t process_resident(pid_t pid);

/// What the kernel charges for a map, in bytes.
uint64_t map_memory(int map);

/// Kernel, processor and load, for the head of a table.
std::string describe_machine();

/// The exit status of a main() that does this work, in which a lab may fail or be interrupted; else the
/// work's own.
int status_of(const std::function<int()>& work);

}  // namespace weir::bench
