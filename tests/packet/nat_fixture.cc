#include "tests/packet/nat_fixture.h"

#include <bpf/bpf.h>

namespace weir::engine::xdp {

void NatTest::for_each_translation(const std::function<bool(weir_translation&)>& change) const {
    for (const auto* name : {"nat", "nat_new"}) {
        auto found = map_of_program(name);
        ASSERT_TRUE(found);
        int map = found.get();
        std::vector<weir_tuple> keys;
        weir_tuple key{};
        for (void* at = nullptr; bpf_map_get_next_key(map, at, &key) == 0; at = &keys.back())
            keys.push_back(key);
        for (const auto& each : keys) {
            weir_translation row{};
            ASSERT_EQ(bpf_map_lookup_elem(map, &each, &row), 0);
            if (!change(row)) continue;
            ASSERT_EQ(bpf_map_update_elem(map, &each, &row, BPF_EXIST), 0);
        }
    }
}

}  // namespace weir::engine::xdp
