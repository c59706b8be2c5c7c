// What `weir doctor` has seen: the host as values, gathered at the rim (gather.h), judged by diagnose.h. A
// fact that could not be seen is an empty optional and gives no finding.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "net/ip.h"

namespace weir::doctor {

/// Of a configuration, what the host must be fit for.
struct Wanted {
    bool xdp = true;  // the engines
    bool ipvs = false;
    bool proxy = false;
    uint64_t proxy_connections = 0;            // at a time; 0: the file names no limit
    uint64_t proxy_sessions = 0;               // of UDP, likewise
    std::vector<model::Interface> interfaces;  // of XDP, as the VIPs
    std::vector<net::Prefix> vips;
    size_t backends_v4 = 0;
    size_t backends_v6 = 0;
    uint64_t table_bytes = 0;  // of the datapath, about: the engine tells; 0: it has not
    bool nat = false;
    bool tunnels = false;
    bool vlans = false;
    bool redirects = false;  // packets may leave by another interface than they came in by
};
/// All but `table_bytes`.
Wanted wanted_by(const model::Config& config);

/// Whether the driver takes an XDP program, found out by attaching one that passes everything, for a moment.
enum class NativeXdp : uint8_t { untried, works, refused };

struct InterfaceFacts {
    model::Interface wanted;
    bool exists = false;
    bool up = false;  // by the administrator and by its carrier
    bool ethernet = true;
    uint32_t mtu = 0;
    std::string driver;   // ethtool's name; empty: not told
    std::string program;  // the name of the XDP program that is attached already
    bool program_native = false;
    NativeXdp native = NativeXdp::untried;
    int native_error = 0;                  // errno, of `refused`
    std::map<std::string, bool> features;  // by ethtool's names, as rx-lro
    uint32_t queues = 0;                   // receive queues; 0: not told
    uint32_t queues_most = 0;
    int rp_filter = 0;  // as it works: the stricter of `all` and the interface's own
};

struct KernelFacts {
    std::string release;  // 6.1.0-25-amd64
    std::optional<bool> jit;
    bool btf = false;
    bool bpffs = false;  // known to the kernel; weir mounts it itself
    bool probed = false;
    std::vector<std::string> missing;  // of what was probed, in words
};

/// One of this host's own addresses that is a VIP.
struct LocalVip {
    net::Ip address;
    std::string interface;
};

struct Facts {
    Wanted wanted;
    bool cap_bpf = false;
    bool cap_net_admin = false;
    std::string load_error;  // why not even a program that passes everything could be loaded; empty: it was
    uint32_t cpus = 1;
    KernelFacts kernel;
    std::optional<uint64_t>
        memory_bytes;  // free for the tables: of the host, and of the cgroup if that is less
    std::optional<uint64_t>
        memlock_bytes;  // where the kernel holds BPF maps against this limit (before 5.11)
    std::optional<bool> forwards_v4;
    std::optional<bool> forwards_v6;
    std::optional<bool> has_ipvs;
    std::optional<uint64_t> descriptors;    // as many as a daemon with this process's rights may have
    std::optional<uint64_t> accept_queue;   // net.core.somaxconn
    std::optional<uint64_t> neighbours_v4;  // gc_thresh3; seen in the first network namespace only
    std::optional<uint64_t> neighbours_v6;
    std::vector<LocalVip> local_vips;
    std::vector<InterfaceFacts> interfaces;
};

}  // namespace weir::doctor
