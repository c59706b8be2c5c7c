// Which service takes a packet, and how long its flow is remembered: port ranges, prefixes, any protocol,
// stickiness, states and timeouts.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

using model::Protocol;

constexpr uint8_t kIcmp = 1, kGre = 47, kEsp = 50, kIcmp6 = 58, kSctp = 132;

/// Of any protocol: a TCP packet that says it is another.
Bytes of_protocol(const std::string& source, const std::string& destination, uint8_t protocol) {
    auto spec = packet(source, destination, protocol == net::kUdp ? net::kUdp : net::kTcp);
    auto frame = net::build_frame(spec);
    frame[spec.source.address.is_v4() ? 14 + 9 : 14 + 6] = protocol;
    if (protocol == kIcmp || protocol == kIcmp6)  // an echo request
        frame[frame.size() - 20] = protocol == kIcmp ? 8 : 128, frame[frame.size() - 19] = 0;
    return frame;
}

class ServicesTest : public DatapathTest {
  protected:
    /// A service of one backend, so that the backend tells the service.
    void add(int backend, const std::string& vips, uint16_t first, uint16_t more, Protocol protocol) {
        auto prefix = net::Prefix::parse(vips);
        auto one = frontend(prefix->address.text(), first, protocol, 0);
        one.key.more_ports = more;
        one.key.free_bits = net::free_bits(*prefix);
        one.targets.push_back({{address_of(backend)}, {true, ""}, Accepts::all});
        plan_.frontends.push_back(one);
    }
    int backend_for(const Bytes& frame) const {
        auto ran = run(frame);
        return ran.verdict == XDP_TX ? ran.frame[5] : 0;
    }
    int backend_for(const std::string& destination, uint8_t protocol) const {
        auto source = destination[0] == '[' ? "[2001:db8:7::7]:1234" : "198.51.100.7:1234";
        return backend_for(of_protocol(source, destination, protocol));
    }
};

TEST_F(ServicesTest, TheMostSpecificOneTakesAPacket) {
    plan_.frontends.clear();
    add(1, "192.0.2.1/32", 80, 0, Protocol::tcp);
    add(2, "192.0.2.1/32", 8000, 99, Protocol::tcp);
    add(3, "192.0.2.1/32", 8064, 3, Protocol::tcp);  // as long as one of the former's blocks
    add(4, "192.0.2.1/32", 0, 65535, Protocol::udp);
    add(5, "192.0.2.1/32", 0, 65535, static_cast<Protocol>(kGre));
    add(6, "192.0.2.0/24", 0, 65535, Protocol::any);
    add(7, "192.0.0.0/16", 53, 0, Protocol::udp);
    add(8, "2001:db8::/64", 0, 65535, Protocol::any);
    add(9, "2001:db8::1/128", 443, 0, Protocol::tcp);
    apply();
    struct Row {
        const char* destination;
        uint8_t protocol;
        int backend;
    };
    for (const auto& row : {
             Row{"192.0.2.1:80", net::kTcp, 1},   {"192.0.2.1:79", net::kTcp, 6},
             {"192.0.2.1:81", net::kTcp, 6},      {"192.0.2.1:7999", net::kTcp, 6},
             {"192.0.2.1:8000", net::kTcp, 2},    {"192.0.2.1:8063", net::kTcp, 2},
             {"192.0.2.1:8064", net::kTcp, 3},    {"192.0.2.1:8067", net::kTcp, 3},
             {"192.0.2.1:8068", net::kTcp, 2},    {"192.0.2.1:8099", net::kTcp, 2},
             {"192.0.2.1:8100", net::kTcp, 6},    {"192.0.2.1:1", net::kUdp, 4},
             {"192.0.2.1:65535", net::kUdp, 4},   {"192.0.2.1:80", kGre, 5},
             {"192.0.2.1:80", kEsp, 6},           {"192.0.2.1:80", kSctp, 6},
             {"192.0.2.1:80", kIcmp, 6},          {"192.0.2.2:80", net::kTcp, 6},
             {"192.0.2.0:53", net::kUdp, 6},      {"192.0.2.255:53", net::kUdp, 6},
             {"192.0.3.1:53", net::kUdp, 7},      {"[2001:db8::1]:443", net::kTcp, 9},
             {"[2001:db8::1]:443", net::kUdp, 8}, {"[2001:db8::ffff]:1", kSctp, 8},
             {"[2001:db8::ffff]:1", kIcmp6, 8},   {"[2001:db8::ffff]:1", kEsp, 8},
         })
        EXPECT_EQ(backend_for(row.destination, row.protocol), row.backend)
            << row.destination << " of protocol " << int{row.protocol};
    new_reasons();
    expect_reason(of_protocol("198.51.100.7:1", "192.0.3.1:54", net::kUdp), XDP_DROP, "unmatched",
                  "a VIP of the /16, another port");
    expect_reason(of_protocol("198.51.100.7:1", "192.1.0.1:53", net::kUdp), XDP_PASS, "not_vip", "no VIP");
    expect_reason(of_protocol("[2001:db8:7::7]:1", "[2001:db8:0:1::1]:53", net::kUdp), XDP_PASS, "not_vip",
                  "no VIP");
}

TEST_F(ServicesTest, OneThatTakesEverythingNeedsNoOtherBesideIt) {
    for (const char* vip : {"192.0.2.1", "[2001:db8::1]"})
        for (bool whole_vip : {true, false}) {
            plan_.frontends.clear();
            add(1, vip[0] == '[' ? "2001:db8::1/128" : "192.0.2.1/32", 0, 65535,
                whole_vip ? Protocol::any : Protocol::tcp);
            apply();
            const auto destination = std::string(vip) + ":80";
            EXPECT_EQ(backend_for(destination, net::kTcp), 1);
            EXPECT_EQ(backend_for(destination, net::kUdp), whole_vip ? 1 : 0);
            EXPECT_EQ(backend_for(destination, kSctp), whole_vip ? 1 : 0);
        }
}

TEST_F(ServicesTest, FlowsToOtherAddressesOrProtocolsAreOthers) {
    for (bool v4 : {true, false}) {
        plan_.frontends.clear();
        add(1, v4 ? "192.0.2.0/24" : "2001:db8::/64", 0, 65535, Protocol::any);
        apply();
        const std::string prefix = v4 ? "192.0.2." : "[2001:db8::";
        const auto to = [&](int host) { return fmt::format("{}{}{}:80", prefix, host, v4 ? "" : "]"); };
        for (int i = 0; i < 2; i++) ASSERT_EQ(backend_for(to(7), net::kTcp), 1);
        plan_.frontends.edit(0).targets[0].accepts = Accepts::established;
        apply();
        EXPECT_EQ(backend_for(to(7), net::kTcp), 1);
        EXPECT_EQ(backend_for(to(7), net::kUdp), 0) << "another protocol";
        EXPECT_EQ(backend_for(to(9), net::kTcp), 0) << "another address";
    }
}

TEST_F(ServicesTest, ProtocolsWithoutPortsAreOneFlowASource) {
    plan_.frontends = {frontend("192.0.2.1", 0, Protocol::any, 3)};
    plan_.frontends.edit(0).key.more_ports = 65535;
    apply();
    for (uint8_t protocol : {kGre, kEsp, kIcmp}) {
        std::map<std::string, int> flows;
        std::set<int> used;
        for (int i = 1; i < 100; i++) {
            auto source = fmt::format("198.51.100.{}:1", i);
            flows[source] = backend_for(of_protocol(source, "192.0.2.1:1", protocol));
            used.insert(flows[source]);
        }
        EXPECT_EQ(used, (std::set<int>{1, 2, 3}));
        add_backends(4, 9);
        apply();
        for (const auto& [source, backend] : flows)
            ASSERT_EQ(backend_for(of_protocol(source, "192.0.2.1:1", protocol)), backend);
        plan_.frontends.edit(0).targets.resize(3);
        apply();
    }
}

class StickyTest : public ServicesTest {
  protected:
    void SetUp() override {
        ServicesTest::SetUp();
        if (!tables_) return;
        plan_.frontends.edit_each([&](auto& one) { one.sticky = model::Sticky{24, 48}; });
        apply();
    }
    int syn(const std::string& source, int port) const {
        return send(packet(fmt::format("{}:{}", source, port), vip(source), net::kTcp, net::kTcpSyn));
    }
    int ack(const std::string& source, int port) const {
        return send(packet(fmt::format("{}:{}", source, port), vip(source)));
    }
    static std::string vip(const std::string& source) {
        return source[0] == '[' ? "[2001:db8::1]:80" : "192.0.2.1:80";
    }
    static std::string v4(int net, int host) { return fmt::format("198.51.{}.{}", net, host); }
    static std::string v6(int net, int host) {
        return fmt::format("[2001:db8:{:x}:{:x}::{:x}]", net, host, host);
    }
};

TEST_F(StickyTest, CountsFlowsAndNotTheirSources) {
    for (int port = 1000; port < 1003; port++)
        for (int i = 0; i < 2; i++) ack(v4(1, 1), port);
    for (int i = 0; i < 400; i++) tables_->scan();
    const auto seen = observe();
    uint64_t flows = 0;
    for (const auto& [key, traffic] : seen.targets) flows += traffic.flows_active;
    EXPECT_EQ(flows, 3u);
    EXPECT_EQ(seen.flow_table.used, 4u);
}

TEST_F(StickyTest, SendsASourcesFlowsToOneBackendThroughChanges) {
    for (auto source : {v4, v6}) {
        std::map<int, int> nets;
        std::set<int> used;
        for (int net = 1; net <= 60; net++) {
            nets[net] = syn(source(net, 1), 1000);
            used.insert(nets[net]);
            ASSERT_EQ(ack(source(net, 1), 1000), nets[net]);
            for (int host = 2; host < 10; host++) ASSERT_EQ(syn(source(net, host), 1000 + host), nets[net]);
        }
        EXPECT_EQ(used, (std::set<int>{1, 2, 3}));
        add_backends(4, 9);
        apply();
        for (const auto& [net, backend] : nets)
            ASSERT_EQ(syn(source(net, 99), 2000), backend)
                << "a source's new flow goes to its former backend";
        set_accepts(2, Accepts::established);
        apply();
        for (const auto& [net, backend] : nets) {
            ASSERT_EQ(ack(source(net, 1), 1000), backend) << "flows stay where they are";
            auto fresh = syn(source(net, 77), 3000);
            if (backend == 2)
                ASSERT_NE(fresh, 2) << "a draining backend gets no new ones";
            else
                ASSERT_EQ(fresh, backend);
            ASSERT_EQ(syn(source(net, 78), 3001), fresh);
        }
        set_accepts(2, Accepts::all);
        plan_.frontends.edit_each([&](auto& one) { one.targets.resize(3); });
        apply();
    }
}

TEST_F(StickyTest, KeepsASourceForAsLongAsItsFlowsGoOn) {
    std::map<int, int> nets;
    for (int net = 1; net <= 60; net++) nets[net] = syn(v4(net, 1), 1000);
    for (int net = 1; net <= 60; net++) ack(v4(net, 1), 1000);
    add_backends(4, 9);
    apply();
    for (int i = 0; i < 10; i++) {
        age_flows(100);
        for (const auto& [net, backend] : nets) ASSERT_EQ(ack(v4(net, 1), 1000), backend);
    }
    for (const auto& [net, backend] : nets) ASSERT_EQ(syn(v4(net, 2), 1000), backend);
}

TEST_F(StickyTest, KeepsItsSourcesThroughAFloodOfSyns) {
    plan_.flows.size = 512;
    apply();
    std::map<int, int> nets;
    for (int net = 1; net <= 60; net++) {
        nets[net] = syn(v4(net, 1), 1000);
        ack(v4(net, 1), 1000);
    }
    add_backends(4, 9);
    apply();
    for (int i = 0; i < 20000; i++)
        syn(fmt::format("{}.{}.{}.7", 100 + i % 50, i / 50 % 200, i / 10000), 1024 + i / 7);
    for (const auto& [net, backend] : nets) {
        ASSERT_EQ(ack(v4(net, 1), 1000), backend);
        ASSERT_EQ(syn(v4(net, 2), 1000), backend);
    }
    int fresh = syn(v4(200, 1), 1000);  // who comes after the flood finds room
    EXPECT_EQ(ack(v4(200, 1), 1000), fresh);
    auto before = observe().flow_table.full_total;
    syn(v4(201, 1), 1000);
    EXPECT_EQ(observe().flow_table.full_total, before);
}

class FlowLifeTest : public ServicesTest {
  protected:
    /// What is remembered stays on the backends 1 to 3; what begins anew goes to 4 to 9.
    void replace_backends() {
        add_backends(4, 9);
        for (int i = 1; i <= 3; i++) set_accepts(i, Accepts::established);
        apply();
    }
    bool remembered(const net::PacketSpec& spec) const {
        auto backend = send(spec);
        EXPECT_NE(backend, 0);
        return backend <= 3;
    }
    static net::PacketSpec udp_from(int port) {
        return packet(fmt::format("198.51.100.7:{}", port), "192.0.2.1:53", net::kUdp);
    }
};

TEST_F(FlowLifeTest, EachStateHasItsTimeout) {
    plan_.flows = {.size = 4096,
                   .handshake = std::chrono::seconds(100),
                   .established = std::chrono::seconds(2000),
                   .closing = std::chrono::seconds(400),
                   .udp = std::chrono::seconds(900)};
    apply();
    struct Row {
        const char* state;
        std::vector<uint8_t> flags;  // of the flow's packets; UDP has none
        int timeout;
        uint8_t protocol = net::kTcp;
    };
    using net::kTcpAck, net::kTcpFin, net::kTcpRst, net::kTcpSyn;
    auto ticks = Ticks::open();
    ASSERT_TRUE(ticks);
    int port = 1000;
    /// Whether a flow of its own is remembered after so many ticks more than its timeout.
    auto look = [&](const Row& row, int more) {
        auto spec = row.protocol == net::kTcp ? tcp_from(++port) : udp_from(++port);
        for (auto flags : row.flags) spec.tcp_flags = flags, send(spec);
        replace_backends();
        age_flows(static_cast<uint32_t>(static_cast<int>(ticks->at_least(std::chrono::seconds(row.timeout))) +
                                        more));
        spec.tcp_flags = kTcpAck;
        auto known = remembered(spec);
        plan_.frontends.edit_each([&](auto& one) { one.targets.resize(3); });
        for (int i = 1; i <= 3; i++) set_accepts(i, Accepts::all);
        apply();
        return known;
    };
    for (const auto& row : {
             Row{"handshake", {kTcpSyn}, 100},
             {"handshake repeated", {kTcpSyn, kTcpSyn}, 100},
             {"established", {kTcpSyn, kTcpAck}, 2000},
             {"established, SYN", {kTcpSyn, kTcpAck, kTcpSyn}, 2000},
             {"FIN", {kTcpSyn, kTcpAck, kTcpFin}, 400},
             {"RST", {kTcpSyn, kTcpAck, kTcpRst}, 400},
             {"FIN, ACK", {kTcpSyn, kTcpAck, kTcpFin, kTcpAck}, 400},
             {"refused", {kTcpSyn, kTcpRst}, 400},
             {"closed, SYN", {kTcpSyn, kTcpAck, kTcpFin, kTcpSyn}, 100},
             {"UDP once", {0}, 100, net::kUdp},
             {"UDP twice", {0, 0}, 900, net::kUdp},
         }) {
        EXPECT_TRUE(look(row, -1)) << row.state << " within its time";
        EXPECT_FALSE(look(row, 1)) << row.state << " after its time";
    }
}

TEST_F(FlowLifeTest, OnlyAClosedFlowsPortIsBegunAnew) {
    auto flows = open_flows(2000, 2100);
    replace_backends();
    for (const auto& [port, backend] : flows) {
        ASSERT_EQ(send(tcp_from(port, net::kTcpSyn)), backend) << "a SYN to a live flow";
        ASSERT_EQ(send(tcp_from(port, net::kTcpRst)), backend);
        ASSERT_EQ(send(tcp_from(port)), backend) << "what is still on its way";
        auto fresh = send(tcp_from(port, net::kTcpSyn));
        ASSERT_GE(fresh, 4) << "the port's next flow, while the backend drains";
        ASSERT_EQ(send(tcp_from(port)), fresh);
    }
}

TEST_F(FlowLifeTest, AnUnknownFlowsEndIsNotRemembered) {
    for (int port = 1000; port < 1100; port++) send(tcp_from(port, net::kTcpRst));
    for (int i = 0; i < 200; i++) tables_->scan();
    EXPECT_EQ(observe().flow_table.used, 0u);
}

TEST_F(FlowLifeTest, CountsWhatMadeRoomAndWhatFoundNone) {
    plan_.flows.size = 128;
    apply();
    auto capacity = observe().flow_table.capacity;
    for (uint32_t i = 0; i < capacity * 4; i++) send(tcp_from(static_cast<int>(1024 + i), net::kTcpSyn));
    EXPECT_GT(observe().flow_table.evicted_total, capacity * 2);
    EXPECT_EQ(observe().flow_table.full_total, 0u) << "those that had begun made room";
    open_flows(20000, 20000 + static_cast<int>(capacity) * 2);
    EXPECT_GT(observe().flow_table.full_total, 0u);
    for (int i = 0; i < 200; i++) tables_->scan();
    EXPECT_LE(observe().flow_table.used, capacity);
    EXPECT_GT(observe().flow_table.used, capacity * 9 / 10);
}

}  // namespace
}  // namespace weir::engine::xdp
