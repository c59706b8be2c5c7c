#include "engine/xdp/tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "net/netlink.h"

namespace weir::engine::xdp {
namespace {

// Before most others, because a filter that ends the classification would hide the packet from those behind
// it; weir's never does. The handle spells "weir".
constexpr uint32_t kPriority = 3;
constexpr uint32_t kHandle = 0x77656972;

struct Filter {
    uint32_t priority;
    uint32_t handle;  // 0: the place itself, which the kernel lists before what is in it

    bool is_weirs() const { return priority == kPriority && handle == kHandle; }
};

bpf_tc_hook hook(int ifindex, int points) {
    return {.sz = sizeof(bpf_tc_hook),
            .ifindex = ifindex,
            .attach_point = static_cast<bpf_tc_attach_point>(points)};
}

bpf_tc_opts place() {
    return {.sz = sizeof(bpf_tc_opts), .handle = kHandle, .priority = kPriority};
}

tcmsg header(int ifindex, uint32_t parent) {
    return {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent};
}

/// Everybody's filters on both sides of the interface.
Result<std::vector<Filter>> list_filters(net::Netlink& netlink, int ifindex) {
    std::vector<Filter> found;
    for (uint32_t side : {TC_H_MIN_EGRESS, TC_H_MIN_INGRESS}) {
        net::Message request(RTM_GETTFILTER, NLM_F_DUMP, header(ifindex, TC_H_MAKE(TC_H_CLSACT, side)));
        auto listed = netlink.ask(request, [&](const nlmsghdr& message) {
            if (message.nlmsg_type != RTM_NEWTFILTER) return;
            auto* filter = static_cast<const tcmsg*>(NLMSG_DATA(&message));
            found.push_back({TC_H_MAJ(filter->tcm_info) >> 16, filter->tcm_handle});
        });
        if (!listed) return fail("cannot list the tc filters: {}", listed.error().message);
    }
    return found;
}

/// True if it was not there yet.
Result<bool> make_clsact(net::Netlink& netlink, int ifindex) {
    constexpr std::array<uint8_t, 7> kKind{'c', 'l', 's', 'a', 'c', 't', 0};
    tcmsg qdisc = header(ifindex, TC_H_CLSACT);
    qdisc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    net::Message request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, qdisc);
    auto made = netlink.ask(request.put(TCA_KIND, kKind));
    if (made) return true;
    if (made.error().code == EEXIST) return false;
    return fail("cannot make the clsact qdisc, which takes a kernel with CONFIG_NET_SCH_INGRESS: {}",
                made.error().message);
}

Status attach_side(int ifindex, bpf_tc_attach_point point, int program) {
    auto where = hook(ifindex, point);
    auto filter = place();
    filter.prog_fd = program;
    filter.flags = BPF_TC_F_REPLACE;
    if (int error = bpf_tc_attach(&where, &filter))
        return fail_with(
            error,
            "cannot attach weir's tc filter (priority {}), which takes a kernel with CONFIG_NET_CLS_BPF",
            kPriority);
    return {};
}

uint32_t program_id(int program) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.id;
}

bool is_attached(int ifindex, bpf_tc_attach_point point, int program) {
    auto where = hook(ifindex, point);
    auto present = place();
    return bpf_tc_query(&where, &present) == 0 && present.prog_id == program_id(program);
}

void detach_side(int ifindex, bpf_tc_attach_point point, int program) {
    if (!is_attached(ifindex, point, program)) return;
    auto where = hook(ifindex, point);
    auto filter = place();
    bpf_tc_detach(&where, &filter);
}

}  // namespace

Result<bool> attach_tc(int ifindex, const TcPrograms& programs) {
    auto netlink = net::Netlink::open();
    if (!netlink) return propagate(netlink);
    auto made = make_clsact(*netlink, ifindex);
    if (!made) return propagate(made);
    auto before = list_filters(*netlink, ifindex);
    if (!before) return propagate(before);
    bool own_qdisc = *made || std::ranges::any_of(*before, &Filter::is_weirs);

    auto attached = attach_side(ifindex, BPF_TC_EGRESS, programs.out);
    if (attached) attached = attach_side(ifindex, BPF_TC_INGRESS, programs.in);
    if (attached) return own_qdisc;
    detach_tc(ifindex, programs, own_qdisc);
    return propagate(attached);
}

void detach_tc(int ifindex, const TcPrograms& programs, bool own_qdisc) {
    detach_side(ifindex, BPF_TC_EGRESS, programs.out);
    detach_side(ifindex, BPF_TC_INGRESS, programs.in);
    if (!own_qdisc) return;
    auto netlink = net::Netlink::open();
    if (!netlink) return;
    auto left = list_filters(*netlink, ifindex);
    auto both = hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
    if (left && left->empty()) bpf_tc_hook_destroy(&both);
}

bool is_attached_tc(int ifindex, const TcPrograms& programs) {
    return is_attached(ifindex, BPF_TC_EGRESS, programs.out) &&
           is_attached(ifindex, BPF_TC_INGRESS, programs.in);
}

}  // namespace weir::engine::xdp
