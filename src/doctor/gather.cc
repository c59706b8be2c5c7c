#include "doctor/gather.h"

#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <thread>

#include "doctor/ethtool.h"
#include "doctor/kernel.h"
#include "doctor/memory.h"
#include "doctor/xdp_trial.h"
#include "net/netlink.h"
#include "net/rtnetlink.h"

namespace weir::doctor {
namespace {

std::optional<uint64_t> setting(const std::string& path) {
    uint64_t value = 0;
    if (std::ifstream("/proc/sys/net/" + path) >> value) return value;
    return std::nullopt;
}

std::optional<bool> is_on(const std::string& path) {
    const auto value = setting(path);
    if (!value) return std::nullopt;
    return *value != 0;
}

uint64_t capabilities() {
    std::ifstream status("/proc/thread-self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:")) return std::stoull(line.substr(7), nullptr, 16);
    return 0;
}

bool has(uint64_t capabilities, unsigned which) {
    return capabilities >> which & 1;
}

/// The interfaces by index, each with its addresses.
Result<std::map<int, net::Link>> read_links() {
    auto netlink = net::Netlink::open();
    if (!netlink) return propagate(netlink);
    std::map<int, net::Link> links;
    auto asked = net::dump(*netlink, RTM_GETLINK, [&](const nlmsghdr& message) {
        if (auto link = net::decode_link(message)) links[link->index] = *link;
    });
    if (asked)
        asked = net::dump(*netlink, RTM_GETADDR, [&](const nlmsghdr& message) {
            if (auto found = net::decode_address(message); found && links.contains(found->interface))
                links[found->interface].addresses.push_back(found->address);
        });
    if (!asked) return fail("cannot read the interfaces: {}", asked.error().message);
    return links;
}

/// The question has the kernel load the module, where there is one.
std::optional<bool> has_ipvs() {
    auto netlink = net::Netlink::open(NETLINK_GENERIC);
    if (!netlink) return std::nullopt;
    net::Message question(GENL_ID_CTRL, 0, genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0});
    constexpr std::array<uint8_t, 5> kName{'I', 'P', 'V', 'S', 0};
    question.put(CTRL_ATTR_FAMILY_NAME, kName);
    auto answer = netlink->ask(question);
    if (!answer && answer.error().code != ENOENT) return std::nullopt;
    return answer.has_value();
}

/// The engine raises its limit to this.
std::optional<uint64_t> descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit)) return std::nullopt;
    return limit.rlim_max;
}

std::vector<LocalVip> local_vips(const std::vector<net::Prefix>& vips,
                                 const std::map<int, net::Link>& links) {
    std::vector<LocalVip> local;
    for (const auto& [index, link] : links)
        for (const net::Ip& address : link.addresses)
            if (std::ranges::any_of(vips, [&](const net::Prefix& vip) { return vip.contains(address); }))
                local.push_back({address, link.name});
    return local;
}

void examine_xdp(InterfaceFacts& facts, int index, const XdpTrial* trial) {
    if (const auto attached = attached_xdp(index)) {
        facts.program = attached->name;
        facts.program_native = attached->native;
    } else if (trial && facts.wanted.mode != model::XdpMode::generic) {
        facts.native_error = trial->attach_natively(index);
        // Somebody else was faster: nothing is known of the driver.
        if (facts.native_error != EBUSY)
            facts.native = facts.native_error == 0 ? NativeXdp::works : NativeXdp::refused;
    }
}

/// `trial` is null where nothing must be attached.
InterfaceFacts examine(const model::Interface& wanted, const std::map<int, net::Link>& links,
                       const Ethtool& ethtool, const XdpTrial* trial) {
    InterfaceFacts facts{.wanted = wanted};
    const auto found =
        std::ranges::find_if(links, [&](const auto& entry) { return entry.second.name == wanted.name; });
    if (found == links.end()) return facts;
    const auto& [index, link] = *found;
    facts.exists = true;
    facts.up = link.up;
    facts.ethernet = link.mac != net::Mac{};
    facts.mtu = link.mtu;
    if (!facts.ethernet) return facts;
    facts.driver = ethtool.driver(wanted.name);
    facts.features = ethtool.features(wanted.name);
    const auto queues = ethtool.receive_queues(wanted.name);
    facts.queues = queues.now;
    facts.queues_most = queues.most;
    facts.rp_filter =
        static_cast<int>(std::max(setting("ipv4/conf/all/rp_filter").value_or(0),
                                  setting("ipv4/conf/" + wanted.name + "/rp_filter").value_or(0)));
    examine_xdp(facts, index, trial);
    return facts;
}

void examine_host(Facts& facts, uint64_t rights, const XdpTrial* trial) {
    const bool everything = has(rights, CAP_SYS_ADMIN);  // before 5.8 it was CAP_BPF, too
    facts.cap_bpf = everything || has(rights, CAP_BPF);
    facts.cap_net_admin = has(rights, CAP_NET_ADMIN);
    facts.cpus = std::max(1u, std::thread::hardware_concurrency());
    facts.kernel = examine_kernel(trial);
    facts.memory_bytes = free_memory();
    facts.memlock_bytes = memlock_limit(facts.kernel.release, has(rights, CAP_SYS_RESOURCE));
    facts.forwards_v4 = is_on("ipv4/ip_forward");
    facts.forwards_v6 = is_on("ipv6/conf/all/forwarding");
    facts.neighbours_v4 = setting("ipv4/neigh/default/gc_thresh3");
    facts.neighbours_v6 = setting("ipv6/neigh/default/gc_thresh3");
}

}  // namespace

Result<Facts> gather(Wanted wanted) {
    const auto links = read_links();
    if (!links) return propagate(links);
    const auto ethtool = Ethtool::open();
    if (!ethtool) return propagate(ethtool);
    const auto trial = XdpTrial::load();

    Facts facts;
    if (!trial) facts.load_error = trial.error().message;
    examine_host(facts, capabilities(), trial ? &*trial : nullptr);
    if (wanted.ipvs) facts.has_ipvs = has_ipvs();
    if (wanted.proxy) {
        facts.descriptors = descriptor_limit();
        facts.accept_queue = setting("core/somaxconn");
    }
    facts.local_vips = local_vips(wanted.vips, *links);
    if (!wanted.xdp) wanted.interfaces.clear();
    const bool attach = trial && !wanted.interfaces.empty();
    if (wanted.xdp && wanted.interfaces.empty())
        for (const auto& [index, link] : *links)
            if (link.up && link.mac != net::Mac{}) wanted.interfaces.push_back({.name = link.name});
    for (const model::Interface& interface : wanted.interfaces)
        facts.interfaces.push_back(examine(interface, *links, *ethtool, attach ? &*trial : nullptr));
    facts.wanted = std::move(wanted);
    return facts;
}

}  // namespace weir::doctor
