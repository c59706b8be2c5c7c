#include "lab/tc_filter.h"

#include <linux/pkt_sched.h>
#include <netlink/route/qdisc.h>

namespace weir::lab {
namespace {

constexpr uint32_t kHandle = 0x6c6162;  // spells "lab"

using RtQdisc = std::unique_ptr<rtnl_qdisc, FreedBy<rtnl_qdisc_put>>;

void make_clsact(Host& host, int ifindex) {
    RtQdisc qdisc(rtnl_qdisc_alloc());
    rtnl_tc* tc = TC_CAST(qdisc.get());
    rtnl_tc_set_ifindex(tc, ifindex);
    rtnl_tc_set_parent(tc, TC_H_CLSACT);
    rtnl_tc_set_handle(tc, TC_H_MAKE(TC_H_CLSACT, 0));
    check_nl(rtnl_tc_set_kind(tc, "clsact"), "no clsact qdisc");
    check_nl(rtnl_qdisc_add(host.rtnl(), qdisc.get(), NLM_F_CREATE), "{}: cannot make a clsact qdisc",
             host.name());
}

}  // namespace

TcFilter::TcFilter(Host& host, const std::string& ifname, TcPlace place, int program)
    : host_(host),
      hook_{.sz = sizeof hook_, .ifindex = static_cast<int>(host.index(ifname)), .attach_point = place.point},
      filter_{.sz = sizeof filter_, .handle = kHandle, .priority = place.priority} {
    make_clsact(host, hook_.ifindex);
    bpf_tc_opts attach = filter_;
    attach.prog_fd = program;
    errno = -host.run([&] { return bpf_tc_attach(&hook_, &attach); });
    check(errno ? -1 : 0, "{}: cannot attach a tc filter to {}", host.name(), ifname);
}

TcFilter::~TcFilter() {
    host_.run([&] { return bpf_tc_detach(&hook_, &filter_); });
}

}  // namespace weir::lab
