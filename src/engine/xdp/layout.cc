#include "engine/xdp/layout.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace weir::engine::xdp {
namespace {

/// The type behind names, qualifiers and variables; of a section its first variable's.
uint32_t bare(const btf& types, uint32_t id) {
    for (;;) {
        const auto* type = btf__type_by_id(&types, id);
        if (!type) return 0;
        if (btf_is_datasec(type) && btf_vlen(type) > 0) {
            id = btf_var_secinfos(type)->type;
        } else if (btf_is_mod(type) || btf_is_typedef(type) || btf_is_var(type)) {
            id = type->type;
        } else {
            return id;
        }
    }
}

Layout read(const btf& types, uint32_t id) {
    id = bare(types, id);
    Layout layout{static_cast<size_t>(std::max<int64_t>(btf__resolve_size(&types, id), 0)), 0, {}};
    const auto* type = btf__type_by_id(&types, id);
    if (type && btf_is_array(type)) {
        layout.count = btf_array(type)->nelems;
        layout.members.push_back({"", 0, read(types, btf_array(type)->type)});
    } else if (type && btf_is_struct(type)) {
        for (uint32_t i = 0; i < btf_vlen(type); i++) {
            const auto& member = btf_members(type)[i];
            layout.members.push_back({btf__name_by_offset(&types, member.name_off),
                                      btf_member_bit_offset(type, i) / 8, read(types, member.type)});
        }
    }
    return layout;
}

}  // namespace

bool Layout::operator==(const Layout&) const = default;

bpf_map_info info_of(int map) {
    bpf_map_info info{};
    uint32_t length = sizeof info;
    bpf_obj_get_info_by_fd(map, &info, &length);
    return info;
}

Result<RowLayout> layout_of(int map) {
    bpf_map_info info{};
    uint32_t length = sizeof info;
    if (int error = bpf_obj_get_info_by_fd(map, &info, &length))
        return fail_with(error, "cannot ask about a BPF map");
    if (!info.btf_id) return fail("a table has no type information");
    std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_from_kernel_by_id(info.btf_id), btf__free);
    if (!types) return fail_with(errno, "cannot read a table's type information");
    return RowLayout{read(*types, info.btf_key_type_id), read(*types, info.btf_value_type_id)};
}

RowLayout layout_of(const bpf_object& object, const bpf_map& map) {
    const auto* types = bpf_object__btf(&object);
    if (!types || !bpf_map__btf_value_type_id(&map)) return {};
    return {read(*types, bpf_map__btf_key_type_id(&map)), read(*types, bpf_map__btf_value_type_id(&map))};
}

void convert(const Layout& from, const uint8_t* row, const Layout& to, uint8_t* into) {
    if (from.members.empty() && to.members.empty()) {
        std::memcpy(into, row, std::min(from.size, to.size));  // numbers are little-endian
    } else if (from.count > 0 && to.count > 0) {
        const auto &before = from.members.front().layout, &after = to.members.front().layout;
        for (size_t i = 0; i < std::min(from.count, to.count); i++)
            convert(before, row + i * before.size, after, into + i * after.size);
    } else if (from.count == 0 && to.count == 0) {
        for (const auto& member : to.members) {
            auto former = std::ranges::find(from.members, member.name, &Member::name);
            if (former != from.members.end())
                convert(former->layout, row + former->offset, member.layout, into + member.offset);
        }
    }
}

}  // namespace weir::engine::xdp
