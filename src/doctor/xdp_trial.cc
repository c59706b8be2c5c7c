#include "doctor/xdp_trial.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <array>

namespace weir::doctor {
namespace {

bpf_prog_info info_of(int program) {
    bpf_prog_info info{};
    uint32_t length = sizeof info;
    bpf_obj_get_info_by_fd(program, &info, &length);
    return info;
}

}  // namespace

Result<XdpTrial> XdpTrial::load() {
    const std::array<bpf_insn, 2> pass{{
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    }};
    // As the datapath, which takes frames in several buffers.
    LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS);
    UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_doctor", "GPL", pass.data(), pass.size(), &options));
    if (!program) return fail_with(errno, "cannot load an XDP program");
    return XdpTrial(std::move(program));
}

bool XdpTrial::compiled() const {
    return info_of(program_.get()).jited_prog_len > 0;
}

int XdpTrial::attach_natively(int ifindex) const {
    // A link that is in no file system goes with its descriptor, however this process ends.
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    const UniqueFd link(bpf_link_create(program_.get(), ifindex, BPF_XDP, &options));
    return link ? 0 : errno;
}

std::optional<AttachedXdp> attached_xdp(int ifindex) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    if (bpf_xdp_query(ifindex, 0, &query) || query.attach_mode == XDP_ATTACHED_NONE) return std::nullopt;
    const bool native = query.attach_mode == XDP_ATTACHED_DRV || query.attach_mode == XDP_ATTACHED_HW ||
                        query.drv_prog_id != 0;
    const uint32_t id = query.prog_id ? query.prog_id : native ? query.drv_prog_id : query.skb_prog_id;
    const UniqueFd program(bpf_prog_get_fd_by_id(id));
    if (!program) return AttachedXdp{fmt::format("number {}", id), native};
    return AttachedXdp{info_of(program.get()).name, native};
}

}  // namespace weir::doctor
