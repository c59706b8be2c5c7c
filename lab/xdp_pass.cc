#include "lab/xdp_pass.h"

#include <memory>

#include "lab/bpf_map.h"
#include "pass.skel.h"

namespace weir::lab {

XdpPass::XdpPass(Host& host, const std::string& ifname) {
    std::unique_ptr<pass_bpf, FreedBy<pass_bpf::destroy>> skeleton(pass_bpf::open_and_load());
    if (!skeleton) give_up("cannot load the XDP pass program: {}", std::strerror(errno));
    link_ = attach_xdp(host, ifname, bpf_program__fd(skeleton->progs.pass));
}

}  // namespace weir::lab
