// BPF maps and programs as the kernel shows them, for who looks from outside; to be linked by what links
// libbpf.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "lab/failure.h"
#include "lab/host.h"

namespace weir::lab {

struct BpfMap {
    UniqueFd fd;
    bpf_map_info info{};

    std::string_view name() const { return info.name; }
};

/// Those that a program uses.
std::vector<BpfMap> maps_of(int program);

/// The program that a map of programs has in a place; empty where there is none.
UniqueFd program_in(int map, uint32_t place);

template <class Key, class Value>
void put(const bpf_map* map, const Key& key, const Value& value) {
    errno = -bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY);
    check(errno ? -1 : 0, "cannot fill {}", bpf_map__name(map));
}

/// Puts an XDP program on an interface, in native mode, for as long as the descriptor is open.
UniqueFd attach_xdp(Host& host, const std::string& ifname, int program);

}  // namespace weir::lab
