// An upgrade to a version that lays its tables out otherwise keeps the flows.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <filesystem>

#include "engine/xdp/datapath.h"
#include "former.skel.h"
#include "lab/bpffs.h"
#include "lab/rtnl.h"
#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

TEST(Layout, ConvertsMemberByMember) {
    const Layout u8{1}, u32{4}, u64{8};
    const Layout before{16, 0, {{"a", 0, u8}, {"gone", 1, u8}, {"list", 4, {8, 2, {{"", 0, u32}}}}}};
    const Layout after{32, 0, {{"new", 0, u64}, {"list", 8, {16, 4, {{"", 0, u32}}}}, {"a", 24, u64}}};
    std::vector<uint8_t> row(16), into(32);
    row[0] = 200, row[1] = 1, row[4] = 3, row[8] = 4;
    convert(before, row.data(), after, into.data());
    std::vector<uint8_t> expected(32);
    expected[8] = 3, expected[12] = 4, expected[24] = 200;
    EXPECT_EQ(into, expected);
}

class MigrationTest : public DatapathTest {
  protected:
    void SetUp() override {
        DatapathTest::SetUp();
        open();
        apply();
    }

    /// Tables that are pinned; DatapathTest's are not.
    void open() {
        tables_.reset();
        auto tables = Tables::open(pins(), [this](int program) {
            program_ = program;
            return std::exchange(refuse_next_, false) ? fail("refused by one interface") : Status{};
        });
        ASSERT_TRUE(tables) << tables.error().message;
        tables_ = std::move(*tables);
    }
    std::string pins() const { return bpffs_.path() + "/maps"; }

    /// Lays what is pinned out as the former version would have.
    void lay_out_as_before() {
        std::unique_ptr<former_bpf, lab::FreedBy<former_bpf::destroy>> former(former_bpf::open());
        ASSERT_TRUE(former);
        auto maps = Datapath::open_pinned(pins());
        const std::pair<MapName, bpf_map*> changed[] = {{MapName::names, former->maps.names},
                                                        {MapName::targets, former->maps.targets},
                                                        {MapName::counters, former->maps.counters},
                                                        {MapName::totals, former->maps.totals},
                                                        {MapName::state, former->maps.state}};
        for (const auto& [name, map] : changed)
            ASSERT_EQ(bpf_map__set_max_entries(map, rows_of(maps[static_cast<size_t>(name)].get())), 0);
        ASSERT_EQ(former_bpf::load(former.get()), 0);
        for (const auto& [name, map] : changed)
            replace(maps[static_cast<size_t>(name)].get(), kMapNames[static_cast<size_t>(name)],
                    bpf_map__fd(map));
    }

    template <class Change>
    void change_state(Change change) {
        auto maps = Datapath::open_pinned(pins());
        const int map = maps[static_cast<size_t>(MapName::state)].get();
        const uint32_t key = 0;
        weir_state state{};
        ASSERT_EQ(bpf_map_lookup_elem(map, &key, &state), 0);
        change(state);
        ASSERT_EQ(bpf_map_update_elem(map, &key, &state, BPF_ANY), 0);
    }

    lab::PrivateBpffs bpffs_;
    bool refuse_next_ = false;

  private:
    static uint32_t rows_of(int map) {
        bpf_map_info info{};
        uint32_t length = sizeof info;
        bpf_obj_get_info_by_fd(map, &info, &length);
        return info.max_entries;
    }
    void replace(int from, const std::string& name, int to) {
        const auto before = layout_of(from), after = layout_of(to);
        ASSERT_TRUE(before && after);
        std::vector<uint8_t> row(before->value.size), into(after->value.size);
        for (uint32_t key = 0; key < rows_of(from); ++key) {
            ASSERT_EQ(bpf_map_lookup_elem(from, &key, row.data()), 0);
            std::ranges::fill(into, 0);
            convert(before->value, row.data(), after->value, into.data());
            ASSERT_EQ(bpf_map_update_elem(to, &key, into.data(), BPF_ANY), 0);
        }
        std::filesystem::remove(pins() + "/" + name);
        ASSERT_EQ(bpf_obj_pin(to, (pins() + "/" + name).c_str()), 0);
    }
};

TEST_F(MigrationTest, FlowsKeepTheirBackendsThroughAChangeOfLayout) {
    const auto flows = open_flows(1000, 1499);
    const auto before = observe().targets;
    set_accepts(3, Accepts::established);  // so that the ring alone would lead its flows elsewhere
    apply();
    lay_out_as_before();
    ASSERT_FALSE(HasFatalFailure());
    open();
    const auto recovered = tables_->recovered();
    EXPECT_EQ(recovered.size(), before.size());
    EXPECT_TRUE(std::ranges::any_of(recovered, [](const Recovered& each) {
        return each.key.backend == address_of(3) && each.accepts == Accepts::established;
    }));
    apply();
    expect_kept(flows, "after the upgrade");
    for (const auto& [key, traffic] : before)
        EXPECT_GE(observe().targets.at(key).flows_total, traffic.flows_total) << key.backend.text();
}

TEST_F(MigrationTest, KnowsTheInterfacesBeforeItIsToldThem) {
    uint32_t loopback = 1, out = 0;
    ASSERT_TRUE(tables_->set_ports({{loopback, Port{}}}));
    lay_out_as_before();
    ASSERT_FALSE(HasFatalFailure());
    open();
    apply();
    auto maps = Datapath::open_pinned(pins());
    auto find = [&](MapName name, void* row) {
        return bpf_map_lookup_elem(maps[static_cast<size_t>(name)].get(), &loopback, row);
    };
    weir_interface row{};
    EXPECT_EQ(find(MapName::interfaces, &row), 0);
    EXPECT_EQ(find(MapName::devices, &out), 0);
    EXPECT_EQ(out, loopback);
}

TEST_F(MigrationTest, ForgetsTheInterfacesThatOnlyTheFormerDaemonHad) {
    const uint32_t kept = 1, gone = 7;
    ASSERT_TRUE(tables_->set_ports({{kept, Port{}}, {gone, Port{.bond = kept}}}));
    open();
    apply();
    ASSERT_TRUE(tables_->set_ports({{kept, Port{}}}));
    auto maps = Datapath::open_pinned(pins());
    auto has = [&](MapName name, uint32_t interface) {
        std::array<uint8_t, sizeof(weir_interface)> row{};
        return bpf_map_lookup_elem(maps[index_of(name)].get(), &interface, row.data()) == 0;
    };
    for (auto name : {MapName::interfaces, MapName::devices}) {
        EXPECT_TRUE(has(name, kept));
        EXPECT_FALSE(has(name, gone));
    }
}

TEST_F(MigrationTest, GoesBackToWhatWasAdoptedWhereLargerTablesDoNotComeIntoForce) {
    const auto flows = open_flows(1000, 1099);
    auto larger = plan_;
    larger.flows.size *= 4;
    open();
    refuse_next_ = true;
    EXPECT_FALSE(tables_->apply(larger, hops_));
    EXPECT_EQ(program_, tables_->program()) << "the other interfaces had the refused one already";
    expect_kept(flows, "after the refusal");
    open();
    apply();
    expect_kept(flows, "after a restart");
}

TEST_F(MigrationTest, SameLayoutsAreAdoptedAsTheyAre) {
    const auto flows = open_flows(1000, 1099);
    const auto before = observe().targets;
    open();
    apply();
    expect_kept(flows, "after a restart");
    EXPECT_EQ(observe().targets.begin()->second.packets_total > 0, before.begin()->second.packets_total > 0);
}

TEST_F(MigrationTest, OtherMeaningsAreNotTakenOver) {
    open_flows(1000, 1099);
    change_state([](weir_state& state) { state.abi = WEIR_ABI + 1; });
    open();
    EXPECT_TRUE(tables_->recovered().empty());
    apply();
    EXPECT_GT(send(tcp_from(1000)), 0);
}

}  // namespace
}  // namespace weir::engine::xdp
