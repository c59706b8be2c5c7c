// A QUIC service: its packets follow the server id in their connection id, whatever their addresses.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "engine/xdp/quic_vectors.h"
#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

class QuicPathTest : public DatapathTest {
  protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (!tables_) return;
        plan_.frontends = {frontend("192.0.2.1", 443, model::Protocol::udp, 9)};
        auto& service = plan_.frontends.edit(0);
        service.quic = {{.rotation = 0, .server_id_length = 2, .nonce_length = 6}};
        for (auto& target : service.targets) target.backend.server_id = {0xab, number_of(target)};
        apply();
    }
    static uint8_t number_of(const model::Target& target) { return target.backend.address.bytes()[3]; }

    static Bytes id_of(uint8_t backend) { return {0x07, 0xab, backend, 1, 2, 3, 4, 5, 6}; }
    static Bytes unknown_id() { return id_of(200); }

    int send(int port, const Bytes& payload, const std::string& vip = "192.0.2.1") const {
        auto spec = packet(fmt::format("198.51.100.7:{}", port), vip + ":443", net::kUdp);
        spec.payload = payload.size();
        auto frame = net::build_frame(spec);
        std::ranges::copy(payload, frame.end() - static_cast<long>(payload.size()));
        return run_to_backend(frame);
    }
    int run_to_backend(const Bytes& frame) const {
        auto ran = run(frame);
        return ran.verdict == XDP_TX ? ran.frame[5] : 0;
    }
};

TEST_F(QuicPathTest, FollowsTheServerIdThroughEveryChangeOfAddress) {
    for (int generation = 0; generation < 3; generation++) {
        for (uint8_t backend = 1; backend <= 9; backend++)
            for (int port = 1000; port < 1020; port++) {
                ASSERT_EQ(send(port, short_packet(id_of(backend), 40)), backend);
                ASSERT_EQ(send(port, long_packet(id_of(backend), 1200)), backend);
            }
        apply();
    }
    EXPECT_EQ(send(1, short_packet(id_of(3), 0)), 3) << "a packet that ends with the id";
}

TEST_F(QuicPathTest, FollowsTheFlowWhereTheIdNamesNobody) {
    std::map<int, int> flows;
    std::set<int> used;
    for (int port = 1000; port < 1100; port++) {
        flows[port] = send(port, long_packet(unknown_id(), 1200));
        used.insert(flows[port]);
        ASSERT_NE(flows[port], 0);
        ASSERT_EQ(send(port, long_packet(unknown_id(), 1200)), flows[port]);
    }
    EXPECT_EQ(used.size(), 9u);
    plan_.frontends.edit(0).targets.resize(8);
    apply();
    for (const auto& [port, backend] : flows) {
        if (backend == 9) continue;
        ASSERT_EQ(send(port, short_packet(unknown_id(), 40)), backend);
        ASSERT_EQ(send(port, {}), backend) << "no payload at all";
    }
    // A flow whose server has named itself stays there, also where a packet does not say so.
    for (int port = 1000; port < 1020; port++) {
        uint8_t named = flows[port] % 8 + 1;
        ASSERT_EQ(send(port, short_packet(id_of(named), 40)), named);
        ASSERT_EQ(send(port, short_packet(unknown_id(), 40)), named);
    }
}

/// More than one generation's half of what there was room for once.
TEST_F(QuicPathTest, HasRoomForEveryServerIdWithEachPlan) {
    auto service = plan_.frontends[0];
    service.targets.clear();
    for (int i = 0; i < 1100; i++) {
        auto high = static_cast<uint8_t>(i / 250), low = static_cast<uint8_t>(i % 250 + 1);
        service.targets.push_back(
            {{.address = Ip::v4({10, 1, static_cast<uint8_t>(10 + high), low}), .server_id = {high, low}},
             {true, ""},
             Accepts::all});
        hops_.try_emplace(service.targets.back().backend.address, Hop{mac_of(low), kBalancer});
    }
    plan_.frontends.clear();
    for (uint16_t port = 443; port < 443 + 30; port++) {
        plan_.frontends.push_back(service);
        plan_.frontends.edit(plan_.frontends.size() - 1).key.port = net::Port(port);
    }
    const auto whole = plan_.frontends;
    plan_.frontends.edit_each([](model::Frontend& each) {
        for (auto& target : each.targets) target.backend.server_id.clear();
    });
    apply();
    plan_.frontends = whole;
    for (int generation = 0; generation < 3; generation++) {
        apply();
        for (uint8_t backend : {1, 100, 250})
            EXPECT_EQ(send(1000, short_packet({0x07, 2, backend, 1, 2, 3, 4, 5, 6}, 40)), backend);
    }
}

TEST_F(QuicPathTest, LeavesTheRingsInForceAloneWhenAPlanCannotBeWritten) {
    plan_.frontends.push_back(frontend("192.0.2.1", 80, model::Protocol::tcp, 9));
    apply();
    auto chosen = [&] {
        std::vector<std::optional<Ip>> backends;
        for (int port = 1000; port < 1200; port++)
            backends.push_back(tables_->ask(net::build_frame(tcp_from(port)))->backend);
        return backends;
    };
    const auto before = chosen();

    // Somebody else's rows of the generation in force fill the table: those of the other are cleared first.
    auto servers = map_of_program("servers");
    ASSERT_TRUE(servers);
    auto fill = [&](uint32_t generation) {
        weir_server_key key{};
        uint32_t target = 0;
        for (key.frontend = 1u << 20 | generation; key.frontend < 1u << 21; key.frontend += 2)
            if (bpf_map_update_elem(servers.get(), &key, &target, BPF_ANY)) return;
    };
    plan_.frontends.push_back(plan_.frontends[0]);  // with as many server ids again
    plan_.frontends.edit(plan_.frontends.size() - 1).key.port = net::Port(444);
    fill(0);
    if (tables_->apply(plan_, hops_)) fill(0);
    for (int backend : {1, 2}) {
        set_accepts(backend, Accepts::established);
        ASSERT_FALSE(tables_->apply(plan_, hops_));
        EXPECT_EQ(chosen(), before);
    }
}

TEST_F(QuicPathTest, ReachesADrainingBackendByItsIdAlone) {
    set_accepts(4, Accepts::established);
    set_accepts(5, Accepts::nothing);
    apply();
    for (int port = 1000; port < 1100; port++) {
        auto chosen = send(port, long_packet(unknown_id(), 1200));
        EXPECT_TRUE(chosen != 0 && chosen != 4 && chosen != 5) << chosen;
        EXPECT_EQ(send(port, short_packet(id_of(4), 40)), 4);
        auto instead = send(port, short_packet(id_of(5), 40));
        EXPECT_EQ(instead, 4) << "the flow's last one, since the one that is named is down";
    }
}

TEST_F(QuicPathTest, DecodesWhatIsEncrypted) {
    for (const auto& vector : kQuicVectors) {
        auto& service = plan_.frontends.edit(0);
        auto id = from_hex(vector.id);
        service.quic = {{.rotation = static_cast<uint8_t>(id[0] >> 5),
                         .server_id_length = static_cast<uint8_t>(vector.server_id.size() / 2),
                         .nonce_length = static_cast<uint8_t>(vector.nonce.size() / 2),
                         .key = key_of(vector.key)}};
        for (auto& target : service.targets) {
            target.backend.server_id = from_hex(vector.server_id);
            target.backend.server_id.back() ^= number_of(target) ^ 6;
        }
        apply();
        for (int port = 1000; port < 1010; port++) {
            EXPECT_EQ(send(port, short_packet(id, 40)), 6) << vector.name;
            EXPECT_EQ(send(port, long_packet(id, 1200)), 6) << vector.name;
        }
    }
}

TEST_F(QuicPathTest, KnowsSeveralConfigurationsAtOnceAndEachServiceItsOwn) {
    auto other = frontend("192.0.2.2", 443, model::Protocol::udp, 9);
    plan_.frontends.edit(0).quic.push_back({.rotation = 1, .server_id_length = 1, .nonce_length = 8});
    other.quic = {{.rotation = 0, .server_id_length = 1, .nonce_length = 7}};
    for (auto& target : other.targets)
        target.backend.server_id = {static_cast<uint8_t>(10 - number_of(target))};
    plan_.frontends.edit(0).targets[6].backend.server_id = {0x77};
    plan_.frontends.push_back(other);
    apply();
    for (int port = 1000; port < 1010; port++) {
        EXPECT_EQ(send(port, short_packet(id_of(2), 40)), 2);
        EXPECT_EQ(send(port, short_packet({0x29, 0x77, 1, 2, 3, 4, 5, 6, 7, 8}, 40)), 7);
        EXPECT_EQ(send(port, short_packet({0x08, 3, 1, 2, 3, 4, 5, 6, 7}, 40), "192.0.2.2"), 7);
    }
}

TEST_F(QuicPathTest, FollowsTheServerIdWhileTheTablesGrow) {
    for (int i = 0; i < 3; i++) {
        plan_.flows.size *= 2;
        auto applied = tables_->apply(plan_, hops_);
        ASSERT_TRUE(applied) << applied.error().message;
        for (uint8_t backend = 1; backend <= 9; backend++)
            ASSERT_EQ(send(999, short_packet(id_of(backend), 40)), backend);
    }
}

}  // namespace
}  // namespace weir::engine::xdp
