#include "lab/xdp_pass.h"

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include <memory>

#include "lab/failure.h"
#include "pass.skel.h"

namespace weir::lab {

XdpPass::XdpPass(Host& host, const std::string& ifname) {
    std::unique_ptr<pass_bpf, FreedBy<pass_bpf::destroy>> skeleton(pass_bpf::open_and_load());
    if (!skeleton) give_up("cannot load the XDP pass program: {}", std::strerror(errno));
    const int program = bpf_program__fd(skeleton->progs.pass);
    const int index = static_cast<int>(host.index(ifname));
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    link_ = UniqueFd(check(host.run([&] { return bpf_link_create(program, index, BPF_XDP, &options); }),
                           "cannot attach XDP to {} of {}", ifname, host.name()));
}

}  // namespace weir::lab
