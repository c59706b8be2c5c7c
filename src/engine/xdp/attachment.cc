#include "engine/xdp/attachment.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <filesystem>

namespace weir::engine::xdp {
namespace {

int link_ifindex(int link) {
    bpf_link_info info{};
    uint32_t length = sizeof info;
    if (bpf_obj_get_info_by_fd(link, &info, &length)) return 0;
    return info.type == BPF_LINK_TYPE_XDP ? static_cast<int>(info.xdp.ifindex) : 0;
}

bool is_native(int ifindex) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    return bpf_xdp_query(ifindex, 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_DRV;
}

UniqueFd create(int ifindex, int program, uint32_t mode) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode);
    return UniqueFd(bpf_link_create(program, ifindex, BPF_XDP, &options));
}

bool suits(bool native, model::XdpMode wanted) {
    return wanted == model::XdpMode::automatic || native == (wanted == model::XdpMode::native);
}

Result<UniqueFd> attach_fresh(int ifindex, const model::Interface& interface, int program) {
    int error = 0;
    if (interface.mode != model::XdpMode::generic) {
        if (auto link = create(ifindex, program, XDP_FLAGS_DRV_MODE)) return link;
        error = errno;
    }
    bool may_be_generic = interface.mode == model::XdpMode::generic ||
                          (interface.mode == model::XdpMode::automatic && error != EBUSY && error != EEXIST);
    if (may_be_generic) {
        if (auto link = create(ifindex, program, XDP_FLAGS_SKB_MODE)) return link;
        error = errno;
    }
    if (error == EBUSY || error == EEXIST)
        return fail(
            "another XDP program is attached to {}; remove it (`ip link set {} xdp off`) or leave the "
            "interface "
            "to it",
            interface.name, interface.name);
    return fail_with(error, "cannot attach XDP to {} in {} mode", interface.name, to_text(interface.mode));
}

}  // namespace

Result<Attachment> Attachment::attach(int ifindex, const model::Interface& interface, int program,
                                      std::string pin) {
    Attachment attachment;
    attachment.ifindex_ = ifindex;
    attachment.pin_ = std::move(pin);
    attachment.wanted_ = interface.mode;
    if (!attachment.pin_.empty()) attachment.link_ = UniqueFd(bpf_obj_get(attachment.pin_.c_str()));
    if (attachment.link_) {
        bool same = link_ifindex(attachment.link_.get()) == ifindex;
        if (same && suits(is_native(ifindex), interface.mode)) {
            if (auto used = attachment.use(program); !used) return propagate(used);
            attachment.native_ = is_native(ifindex);
            return attachment;
        }
        attachment.detach();  // of an interface that has gone, or in another mode
    }
    auto link = attach_fresh(ifindex, interface, program);
    if (!link) return propagate(link);
    attachment.link_ = std::move(*link);
    attachment.native_ = is_native(ifindex);
    if (!attachment.pin_.empty()) {
        std::error_code ignored;
        std::filesystem::create_directories(std::filesystem::path(attachment.pin_).parent_path(), ignored);
        if (int error = bpf_obj_pin(attachment.link_.get(), attachment.pin_.c_str()))
            return fail_with(error, "cannot pin {}", attachment.pin_);
    }
    return attachment;
}

Status Attachment::use(int program) {
    if (int error = bpf_link_update(link_.get(), program, nullptr))
        return fail_with(error, "cannot exchange the XDP program");
    return {};
}

void Attachment::detach() {
    if (!pin_.empty()) unlink(pin_.c_str());
    bpf_link_detach(link_.get());
    link_.reset();
}

bool Attachment::alive() const {
    return link_ && link_ifindex(link_.get()) == ifindex_;
}

}  // namespace weir::engine::xdp
