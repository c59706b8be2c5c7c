// How a map's rows are laid out, as its type information (BTF) tells. By it a daemon reads the tables of
// another version: member by member, by name, wherever it lies there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

struct bpf_map;
struct bpf_map_info;
struct bpf_object;

namespace weir::engine::xdp {

struct Member;

/// A scalar has a size alone; a record has members too; a list has one, which repeats.
struct Layout {
    size_t size = 0;  // bytes
    size_t count = 0;
    std::vector<Member> members;

    bool operator==(const Layout&) const;
};

struct Member {
    std::string name;
    size_t offset = 0;
    Layout layout;

    bool operator==(const Member&) const = default;
};

struct RowLayout {
    Layout key, value;

    bool operator==(const RowLayout&) const = default;
};

/// What the kernel says of a map; all zero where it says nothing.
bpf_map_info info_of(int map);

/// Of a map in the kernel. Fails where that has no type information.
Result<RowLayout> layout_of(int map);
/// Of one that is yet to be made; empty where the object says nothing of it.
RowLayout layout_of(const bpf_object& object, const bpf_map& map);

/// Writes to a zeroed `into` what both have. Numbers keep their value where they fit; of lists the first
/// elements count. A union is taken as it is.
void convert(const Layout& from, const uint8_t* row, const Layout& to, uint8_t* into);

}  // namespace weir::engine::xdp
