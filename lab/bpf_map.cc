#include "lab/bpf_map.h"

#include <linux/if_link.h>

#include <array>

namespace weir::lab {

std::vector<BpfMap> maps_of(int program) {
    std::array<uint32_t, 32> ids{};
    bpf_prog_info info{};
    info.nr_map_ids = ids.size();
    info.map_ids = reinterpret_cast<uint64_t>(ids.data());
    uint32_t length = sizeof info;
    check(bpf_obj_get_info_by_fd(program, &info, &length), "cannot ask for a BPF program's maps");
    std::vector<BpfMap> maps;
    for (uint32_t i = 0; i < info.nr_map_ids; ++i) {
        BpfMap map{UniqueFd(check(bpf_map_get_fd_by_id(ids[i]), "cannot open BPF map {}", ids[i]))};
        length = sizeof map.info;
        check(bpf_obj_get_info_by_fd(map.fd.get(), &map.info, &length), "cannot ask about BPF map {}",
              ids[i]);
        maps.push_back(std::move(map));
    }
    return maps;
}

UniqueFd program_in(int map, uint32_t place) {
    uint32_t id = 0;
    if (bpf_map_lookup_elem(map, &place, &id)) return {};
    return UniqueFd(bpf_prog_get_fd_by_id(id));
}

UniqueFd attach_xdp(Host& host, const std::string& ifname, int program) {
    const int index = static_cast<int>(host.index(ifname));
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    return UniqueFd(check(host.run([&] { return bpf_link_create(program, index, BPF_XDP, &options); }),
                          "cannot attach XDP to {} of {}", ifname, host.name()));
}

}  // namespace weir::lab
