#include "doctor/kernel.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

namespace weir::doctor {
namespace {

constexpr std::pair<bpf_prog_type, const char*> kPrograms[] = {
    {BPF_PROG_TYPE_XDP, "XDP programs"},
    {BPF_PROG_TYPE_SCHED_CLS, "tc programs (the way of probes)"},
    {BPF_PROG_TYPE_SYSCALL, "syscall programs (the datapath's watchdog)"},
};
constexpr std::pair<bpf_map_type, const char*> kMaps[] = {
    {BPF_MAP_TYPE_ARRAY, "array maps"},
    {BPF_MAP_TYPE_PERCPU_ARRAY, "array maps for each CPU"},
    {BPF_MAP_TYPE_PROG_ARRAY, "program maps (tail calls)"},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS, "maps of maps"},
    {BPF_MAP_TYPE_HASH, "hash maps"},
    {BPF_MAP_TYPE_LRU_HASH, "LRU hash maps (fragments, new flows of NAT)"},
    {BPF_MAP_TYPE_DEVMAP_HASH, "device hash maps (forwarding to another interface)"},
    {BPF_MAP_TYPE_RINGBUF, "ring buffers (weir capture)"},
};
constexpr std::pair<bpf_func_id, const char*> kHelpers[] = {
    {BPF_FUNC_jiffies64, "bpf_jiffies64 (the age of flows)"},
    {BPF_FUNC_xdp_adjust_head, "bpf_xdp_adjust_head (tunnels and VLANs)"},
    {BPF_FUNC_xdp_adjust_tail, "bpf_xdp_adjust_tail (ICMP errors)"},
    {BPF_FUNC_redirect_map, "bpf_redirect_map (forwarding to another interface)"},
    {BPF_FUNC_xdp_load_bytes, "bpf_xdp_load_bytes (frames in several buffers)"},
    {BPF_FUNC_timer_init, "bpf_timer (the datapath's watchdog)"},
};

/// 0 is a clear no; below is 'cannot tell'.
std::vector<std::string> what_is_missing() {
    libbpf_set_print(nullptr);  // probes that fail are the point
    std::vector<std::string> missing;
    for (const auto& [type, name] : kPrograms)
        if (libbpf_probe_bpf_prog_type(type, nullptr) == 0) missing.emplace_back(name);
    for (const auto& [type, name] : kMaps)
        if (libbpf_probe_bpf_map_type(type, nullptr) == 0) missing.emplace_back(name);
    for (const auto& [helper, name] : kHelpers)
        if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, helper, nullptr) == 0) missing.emplace_back(name);
    return missing;
}

bool knows_bpffs() {
    std::ifstream filesystems("/proc/filesystems");
    for (std::string line; std::getline(filesystems, line);)
        if (line.ends_with("\tbpf")) return true;
    return false;
}

/// Only the first network namespace has the file.
std::optional<bool> jit_by_setting() {
    int value = 0;
    if (std::ifstream("/proc/sys/net/core/bpf_jit_enable") >> value) return value != 0;
    return std::nullopt;
}

}  // namespace

KernelFacts examine_kernel(const XdpTrial* trial) {
    KernelFacts kernel;
    utsname name{};
    if (uname(&name) == 0) kernel.release = name.release;
    kernel.btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
    kernel.bpffs = knows_bpffs();
    kernel.jit = trial ? trial->compiled() : jit_by_setting();
    kernel.probed = trial != nullptr;
    if (trial) kernel.missing = what_is_missing();
    return kernel;
}

}  // namespace weir::doctor
