#include "doctor/diagnose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstdio>

#include "doctor/rules.h"

namespace weir::doctor {
namespace {

bool has_port_of(const model::Service& service, model::Protocol protocol) {
    return std::ranges::find(service.ports, protocol, &model::ServicePort::protocol) != service.ports.end();
}

uint64_t mib(uint64_t bytes) {
    return (bytes + (1 << 20) - 1) >> 20;
}

void judge_rights(const Facts& facts, std::vector<Finding>& into) {
    Findings found(into, "rights");
    if (facts.cap_bpf && facts.cap_net_admin && facts.load_error.empty())
        return found.ok("programs can be loaded and attached");
    if (facts.cap_bpf && facts.cap_net_admin)  // as root of a container, or in an old kernel
        return found.problem(
            facts.load_error,
            "run it on the host or in a privileged container, with a kernel of 6.1 or later");
    found.problem(fmt::format("this process lacks {}, so programs can be neither loaded nor tried",
                              facts.cap_bpf         ? "CAP_NET_ADMIN"
                              : facts.cap_net_admin ? "CAP_BPF"
                                                    : "CAP_BPF and CAP_NET_ADMIN"),
                  "run it as root; a service unit needs AmbientCapabilities=CAP_BPF CAP_NET_ADMIN");
}

/// weir is tested on Debian 12's kernel and later.
bool older_than_tested(const std::string& release) {
    int major = 0, minor = 0;
    if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;
    return major < 6 || (major == 6 && minor < 1);
}

void judge_kernel(const KernelFacts& kernel, std::vector<Finding>& into) {
    Findings found(into, "kernel");
    const size_t before = into.size();
    if (!kernel.missing.empty())
        found.problem(fmt::format("Linux {} lacks {}", kernel.release, fmt::join(kernel.missing, ", ")),
                      "boot a kernel of 6.1 or later with CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_BPF and "
                      "CONFIG_NET_CLS_ACT");
    if (!kernel.bpffs)
        found.problem("there is no BPF file system, which keeps the datapath when the daemon ends",
                      "boot a kernel with CONFIG_BPF_SYSCALL");
    if (kernel.jit == false)
        found.problem("BPF programs are interpreted, several times slower than compiled",
                      "sysctl -w net.core.bpf_jit_enable=1");
    if (!kernel.btf)
        found.advice(
            "there are no type data (/sys/kernel/btf/vmlinux), which programs that trace the kernel need",
            "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
    if (older_than_tested(kernel.release))
        found.advice(
            fmt::format("Linux {} is older than 6.1, the oldest that weir is tested on", kernel.release),
            "boot a kernel of 6.1 or later");
    if (into.size() == before && kernel.probed)
        found.ok(fmt::format("Linux {} has all that the datapath needs", kernel.release));
}

void judge_memory(const Facts& facts, std::vector<Finding>& into) {
    Findings found(into, "memory");
    const uint64_t needed = facts.wanted.table_bytes;
    if (needed == 0) return;
    if (facts.memlock_bytes && *facts.memlock_bytes < needed)
        found.problem(fmt::format("the tables take about {} MiB, and RLIMIT_MEMLOCK allows {} MiB",
                                  mib(needed), mib(*facts.memlock_bytes)),
                      "ulimit -l unlimited; in a service unit LimitMEMLOCK=infinity");
    if (!facts.memory_bytes) return;
    if (*facts.memory_bytes < needed)
        return found.problem(
            fmt::format("the tables take about {} MiB, and {} MiB are free", mib(needed),
                        mib(*facts.memory_bytes)),
            "make `flows: size:` smaller, or raise the cgroup's memory.max (MemoryMax= of the unit)");
    found.ok(fmt::format("the tables take about {} MiB of {} MiB that are free", mib(needed),
                         mib(*facts.memory_bytes)));
}

void judge_neighbours(const Facts& facts, std::vector<Finding>& into) {
    const auto judge = [&](const char* family, size_t backends, std::optional<uint64_t> room) {
        if (backends == 0 || !room) return;
        Findings found(into, "neighbours");
        // The rest of the LAN has entries, too.
        if (backends + backends / 4 < *room)
            return found.ok(fmt::format("the {} table has room for {} entries, {} are backends", family,
                                        *room, backends));
        const size_t enough = std::bit_ceil(backends * 2);
        found.problem(
            fmt::format("{} backends do not fit safely into the {} neighbour table of {} entries", backends,
                        family, *room),
            fmt::format("sysctl -w net.{0}.neigh.default.gc_thresh3={1} net.{0}.neigh.default.gc_thresh2={2}",
                        family, enough, enough / 2));
    };
    judge("ipv4", facts.wanted.backends_v4, facts.neighbours_v4);
    judge("ipv6", facts.wanted.backends_v6, facts.neighbours_v6);
}

void judge_forwarding(const Facts& facts, std::vector<Finding>& into) {
    if (!facts.wanted.nat) return;
    const auto judge = [&](const char* family, size_t backends, std::optional<bool> forwards,
                           const char* key) {
        if (backends == 0 || !forwards) return;
        Findings found(into, "forwarding");
        if (*forwards) return found.ok(fmt::format("{} is forwarded", family));
        found.advice(fmt::format("{} is not forwarded: backends behind NAT whose default route is this host "
                                 "reach nobody but clients",
                                 family),
                     fmt::format("sysctl -w {}=1", key));
    };
    judge("IPv4", facts.wanted.backends_v4, facts.forwards_v4, "net.ipv4.ip_forward");
    judge("IPv6", facts.wanted.backends_v6, facts.forwards_v6, "net.ipv6.conf.all.forwarding");
}

void judge_vips(const Facts& facts, std::vector<Finding>& into) {
    for (const LocalVip& local : facts.local_vips)
        Findings(into, local.address.text())
            .problem(fmt::format("the VIP is an address of this host's own, on {}: the kernel takes what is "
                                 "for it wherever the "
                                 "datapath does not",
                                 local.interface),
                     fmt::format("ip address del {}/{} dev {}", local.address.text(),
                                 local.address.is_v4() ? 32 : 128, local.interface));
    if (facts.local_vips.empty() && !facts.wanted.vips.empty())
        Findings(into, "VIPs").ok("none is an address of this host's own");
}

void judge_ipvs(const Facts& facts, std::vector<Finding>& into) {
    if (!facts.wanted.ipvs || !facts.has_ipvs) return;
    Findings found(into, "IPVS");
    if (*facts.has_ipvs) return found.ok("the kernel has it");
    found.problem("the kernel has no IPVS (module ip_vs)", "modprobe ip_vs");
}

/// Of the file's limits. 0: there is a service that is under none.
uint64_t connections_of(const model::Config& config) {
    if (config.proxy.max_connections > 0) return config.proxy.max_connections;
    uint64_t sum = 0;
    for (const auto& [name, service] : config.services) {
        if (!service.proxy || !has_port_of(service, model::Protocol::tcp)) continue;
        if (service.proxy->max_connections == 0) return 0;
        sum += service.proxy->max_connections;
    }
    return sum;
}

void add_proxied(const model::Service& service, Wanted& wanted) {
    wanted.proxy = true;
    if (service.proxy && has_port_of(service, model::Protocol::udp))
        wanted.proxy_sessions += service.proxy->udp_sessions;
}

}  // namespace

Wanted wanted_by(const model::Config& config) {
    Wanted wanted;
    wanted.interfaces = config.interfaces;
    for (const auto& [name, pool] : config.pools)
        for (const model::Backend& backend : pool.backends)
            ++(backend.address.is_v4() ? wanted.backends_v4 : wanted.backends_v6);
    wanted.xdp = config.services.empty();
    for (const auto& [name, service] : config.services) {
        const model::ForwardKind kind = service.forward.kind;
        wanted.nat |= kind == model::ForwardKind::nat;
        wanted.ipvs |= service.engine == model::EngineKind::ipvs;
        if (service.engine == model::EngineKind::proxy) add_proxied(service, wanted);
        if (service.engine != model::EngineKind::xdp) continue;
        wanted.xdp = true;
        wanted.tunnels |= model::is_tunnel(kind);
        wanted.vips.insert(wanted.vips.end(), service.vips.begin(), service.vips.end());
    }
    wanted.proxy_connections = connections_of(config);
    wanted.vlans = !config.vlans.empty();
    wanted.redirects = config.interfaces.size() > 1;
    return wanted;
}

std::vector<Finding> diagnose(const Facts& facts) {
    std::vector<Finding> findings;
    if (facts.wanted.xdp) {
        judge_rights(facts, findings);
        judge_kernel(facts.kernel, findings);
    }
    judge_ipvs(facts, findings);
    judge_proxy(facts, findings);
    judge_memory(facts, findings);
    judge_neighbours(facts, findings);
    judge_forwarding(facts, findings);
    judge_vips(facts, findings);
    for (const InterfaceFacts& interface : facts.interfaces) judge_interface(interface, facts, findings);
    return findings;
}

std::string_view to_text(Severity severity) {
    switch (severity) {
        case Severity::ok:
            return "ok";
        case Severity::advice:
            return "advice";
        case Severity::problem:
            break;
    }
    return "problem";
}

}  // namespace weir::doctor
