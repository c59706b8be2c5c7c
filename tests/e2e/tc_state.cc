#include "tests/e2e/tc_state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ifaddrs.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/unique_fd.h"
#include "engine/xdp/detour_abi.h"
#include "lab/bpf_map.h"
#include "net/netlink.h"

namespace weir::e2e {
namespace {

using lab::check;

tcmsg header(int ifindex, uint32_t parent) {
    return {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent};
}

bool is_clsact(const nlmsghdr& message, int ifindex) {
    auto* qdisc = static_cast<const tcmsg*>(NLMSG_DATA(&message));
    return message.nlmsg_type == RTM_NEWQDISC && qdisc->tcm_ifindex == ifindex &&
           qdisc->tcm_parent == TC_H_CLSACT;
}

/// The number of the program in a filter's message.
uint32_t program_of(const nlmsghdr& message) {
    auto* header = const_cast<nlmsghdr*>(&message);
    auto* options = nlmsg_find_attr(header, sizeof(tcmsg), TCA_OPTIONS);
    auto* id =
        options ? nla_find(static_cast<nlattr*>(nla_data(options)), nla_len(options), TCA_BPF_ID) : nullptr;
    return id ? nla_get_u32(id) : 0;
}

/// A program's maps named `detours`, by their numbers.
void add_detour_maps(uint32_t program, std::map<uint32_t, UniqueFd>& maps) {
    UniqueFd fd(check(bpf_prog_get_fd_by_id(program), "program {}", program));
    for (auto& map : lab::maps_of(fd.get()))
        if (map.name() == "detours") maps.emplace(map.info.id, std::move(map.fd));
}

size_t count_rows(const UniqueFd& map) {
    size_t rows = 0;
    weir_detour_key key{};
    for (void* before = nullptr; bpf_map_get_next_key(map.get(), before, &key) == 0; before = &key) rows++;
    return rows;
}

bpf_tc_hook egress(int ifindex, int also = 0) {
    return {.sz = sizeof(bpf_tc_hook),
            .ifindex = ifindex,
            .attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_EGRESS | also)};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const TcState& state) {
    return out << "clsact " << state.clsact << ", filters " << state.filters << ", rows " << state.rows;
}

TcState tc_state(int ifindex) {
    auto netlink = lab::must(net::Netlink::open());
    TcState state;
    auto listed = netlink.ask(net::Message(RTM_GETQDISC, NLM_F_DUMP, header(ifindex, 0)),
                              [&](const nlmsghdr& message) { state.clsact |= is_clsact(message, ifindex); });
    if (!listed) lab::give_up("{}", listed.error().message);
    std::map<uint32_t, UniqueFd> maps;
    for (uint32_t side : {TC_H_MIN_EGRESS, TC_H_MIN_INGRESS}) {
        auto where = header(ifindex, TC_H_MAKE(TC_H_CLSACT, side));
        listed = netlink.ask(net::Message(RTM_GETTFILTER, NLM_F_DUMP, where), [&](const nlmsghdr& message) {
            if (message.nlmsg_type != RTM_NEWTFILTER) return;
            if (static_cast<const tcmsg*>(NLMSG_DATA(&message))->tcm_handle == 0) return;
            state.filters++;
            if (uint32_t program = program_of(message)) add_detour_maps(program, maps);
        });
        if (!listed) lab::give_up("{}", listed.error().message);
    }
    for (const auto& [number, map] : maps) state.rows += count_rows(map);
    return state;
}

void make_clsact(int ifindex) {
    auto hook = egress(ifindex);
    lab::check(bpf_tc_hook_create(&hook), "clsact");
}

void delete_clsact(int ifindex) {
    auto hook = egress(ifindex, BPF_TC_INGRESS);
    lab::check(bpf_tc_hook_destroy(&hook), "clsact");
}

void add_filter(int ifindex, unsigned priority) {
    const std::array<bpf_insn, 2> pass{bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = -1},
                                       bpf_insn{.code = BPF_JMP | BPF_EXIT}};
    UniqueFd program(
        check(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "others", "GPL", pass.data(), pass.size(), nullptr),
              "cannot load a program"));
    auto hook = egress(ifindex);
    bpf_tc_opts filter{.sz = sizeof filter, .prog_fd = program.get(), .handle = 1, .priority = priority};
    check(bpf_tc_attach(&hook, &filter), "cannot attach a filter");
}

std::optional<net::Ip> link_local(const char* ifname) {
    ifaddrs* list = nullptr;
    check(getifaddrs(&list), "getifaddrs");
    std::optional<net::Ip> found;
    for (auto* each = list; each && !found; each = each->ifa_next) {
        if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET6 ||
            std::string_view(each->ifa_name) != ifname)
            continue;
        sockaddr_storage storage{};
        std::memcpy(&storage, each->ifa_addr, sizeof(sockaddr_in6));
        auto address = net::from_socket_address(storage)->address;
        if (address.is_link_local()) found = address;
    }
    freeifaddrs(list);
    return found;
}

}  // namespace weir::e2e
