// How much memory the datapath's tables may take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::doctor {

/// Free for new tables: what the host has, and what the daemon's cgroup (weir.service where that runs, else
/// this process's own) and those above it leave, if that is less. Control groups of version 2.
std::optional<uint64_t> free_memory();

/// RLIMIT_MEMLOCK, where the kernel counts BPF maps against it: before 5.11, without CAP_SYS_RESOURCE.
std::optional<uint64_t> memlock_limit(const std::string& release, bool may_raise_limits);

}  // namespace weir::doctor
