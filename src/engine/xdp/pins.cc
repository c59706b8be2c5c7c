#include "engine/xdp/pins.h"

#include <bpf/bpf.h>
#include <net/if.h>

#include <algorithm>

#include "base/unique_fd.h"
#include "engine/xdp/detour.h"
#include "engine/xdp/libbpf_log.h"

namespace weir::engine::xdp {

std::string maps_directory(const std::string& pins) {
    return pins + "/maps";
}

std::string links_directory(const std::string& pins) {
    return pins + "/links";
}

std::string link_pin(const std::string& pins, std::string interface) {
    std::ranges::replace(interface, '.', ':');
    return links_directory(pins) + "/" + interface;
}

std::string interface_of(const std::filesystem::path& pin) {
    auto name = pin.filename().string();
    std::ranges::replace(name, ':', '.');
    return name;
}

Status clean_up(const std::string& pins) {
    log_libbpf();
    std::unique_ptr<Detour> detour;
    std::error_code error;
    for (const auto& pin : std::filesystem::directory_iterator(links_directory(pins), error)) {
        auto name = interface_of(pin.path());
        UniqueFd link(bpf_obj_get(pin.path().c_str()));
        if (link) bpf_link_detach(link.get());  // also where a daemon that still runs holds it
        auto ifindex = static_cast<int>(if_nametoindex(name.c_str()));
        if (ifindex == 0) continue;
        if (!detour) {
            auto loaded = Detour::load();
            if (!loaded) return propagate(loaded);
            detour = std::move(*loaded);
        }
        if (auto removed = detour->remove(ifindex, name); !removed) return removed;
    }
    for (const auto& what : {links_directory(pins), maps_directory(pins), maps_directory(pins) + "-new",
                             maps_directory(pins) + "-old"}) {
        std::filesystem::remove_all(what, error);
        if (error) return fail("cannot remove {}: {}", what, error.message());
    }
    std::filesystem::remove(pins, error);  // stays if it is a mount, or holds what is not ours
    return {};
}

}  // namespace weir::engine::xdp
