// The datapath program over tables of packets, run by the kernel itself (BPF_PROG_TEST_RUN): what comes in,
// what the verdict is, to which backend it goes or under which reason it is counted.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {
namespace {

TEST_F(DatapathTest, SendsGoodPacketsToABackendAndChangesOnlyMacsAndHops) {
    for (const auto& spec : {packet("198.51.100.7:1000", "192.0.2.1:80", net::kTcp, net::kTcpSyn),
                             packet("198.51.100.7:1000", "192.0.2.1:80", net::kTcp, net::kTcpAck),
                             packet("198.51.100.7:1001", "192.0.2.1:53", net::kUdp),
                             packet("[2001:db8:9::7]:1000", "[2001:db8::1]:80", net::kTcp, net::kTcpSyn),
                             packet("[2001:db8:9::7]:1000", "[2001:db8::1]:53", net::kUdp)}) {
        auto in = net::build_frame(spec);
        auto ran = run(in);
        EXPECT_NE(backend_of(ran), 0) << spec.source.text();
        ASSERT_EQ(ran.frame.size(), in.size());
        EXPECT_EQ(without_hop(ran.frame), without_hop(in));
        EXPECT_TRUE(net::parse_frame(ran.frame)->checksums_right);
    }
    EXPECT_TRUE(new_reasons().empty());
}

TEST_F(DatapathTest, ReadsIpv4Options) {
    auto spec = tcp_from(1000);
    auto plain = send(spec);
    spec.ip_options = std::vector<uint8_t>(40, 1);  // no-operation
    EXPECT_EQ(send(spec), plain);
}

TEST_F(DatapathTest, PassesWhatIsNotForAVip) {
    expect_reason(net::build_frame(packet("198.51.100.7:1", "192.0.2.2:80")), XDP_PASS, "not_vip", "IPv4");
    expect_reason(net::build_frame(packet("[2001:db8::7]:1", "[2001:db8::2]:80")), XDP_PASS, "not_vip",
                  "IPv6");
    auto twice = tcp_from(1);
    twice.vlan = 10;
    auto frame = net::build_frame(twice);
    frame.insert(frame.begin() + 12, {0x88, 0xa8, 0, 20});
    expect_reason(frame, XDP_PASS, "not_ip", "QinQ");
    std::vector<uint8_t> arp(60);
    arp[12] = 8;
    arp[13] = 6;
    expect_reason(arp, XDP_PASS, "not_ip", "ARP");
}

TEST_F(DatapathTest, DropsOrPassesAVipsUnknownPortsAsConfigured) {
    auto other_port = net::build_frame(packet("198.51.100.7:1", "192.0.2.1:81"));
    auto other_protocol = net::build_frame(packet("198.51.100.7:1", "192.0.2.1:80", net::kUdp));
    auto icmp = other_port;
    icmp[14 + 9] = 1;
    for (const auto& frame : {other_port, other_protocol, icmp})
        expect_reason(frame, XDP_DROP, "unmatched", "drop");
    plan_.unmatched = model::Unmatched::pass;
    apply();
    for (const auto& frame : {other_port, other_protocol, icmp})
        expect_reason(frame, XDP_PASS, "unmatched_passed", "pass");
}

TEST_F(DatapathTest, IsSafeWithFramesCutAtEveryByte) {
    for (const auto& spec : {tcp_from(1), packet("[2001:db8:9::7]:1", "[2001:db8::1]:80"),
                             packet("198.51.100.7:1", "192.0.2.1:53", net::kUdp),
                             packet("[2001:db8:9::7]:1", "[2001:db8::1]:53", net::kUdp)}) {
        auto whole = net::build_frame(spec);
        size_t ip_end = spec.source.address.is_v4() ? 34 : 54;
        for (size_t length = 14; length < whole.size(); length++) {  // the kernel takes no frame below 14
            std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<long>(length));
            if (length < ip_end)
                expect_reason(cut, XDP_PASS, "not_ip", fmt::format("IP header cut at {}", length));
            else
                expect_reason(cut, XDP_DROP, "truncated", fmt::format("transport header cut at {}", length));
        }
    }
}

TEST_F(DatapathTest, DropsHeadersThatContradictThemselvesAndWhatItCannotFollow) {
    auto good = net::build_frame(tcp_from(1));
    auto with = [&](size_t at, uint8_t value) {
        auto frame = good;
        frame[at] = value;
        return frame;
    };
    expect_reason(with(14, 0x44), XDP_DROP, "malformed", "header length of 16");
    expect_reason(with(14, 0x65), XDP_DROP, "malformed", "version 6 in an IPv4 frame");
    expect_reason(with(17, 19), XDP_DROP, "malformed", "total length below the header's");
    expect_reason(with(14, 0x4f), XDP_DROP, "malformed", "a header of 60 bytes in a packet of 40");
    expect_reason(with(21, 0x01), XDP_DROP, "fragment", "later fragment");
    auto v6 = net::build_frame(packet("[2001:db8:9::7]:1", "[2001:db8::1]:80"));
    auto chain = v6;  // of destination options without end
    chain[14 + 6] = 60;
    chain.insert(chain.begin() + 54, 80, 0);
    for (size_t at = 54; at < 54 + 80; at += 8) chain[at] = 60;
    expect_reason(chain, XDP_DROP, "extension_header", "ten extension headers");
    v6[14 + 6] = 44;
    expect_reason(v6, XDP_DROP, "fragment", "IPv6 fragment");
    v6[14 + 6] = 58;
    expect_reason(v6, XDP_DROP, "unmatched", "ICMPv6");
}

TEST_F(DatapathTest, LeavesFramesThatASwitchFloodsAlone) {
    auto spec = tcp_from(1);
    spec.destination_mac = mac_of(1);
    expect_reason(net::build_frame(spec), XDP_PASS, "not_for_us", "already sent on");
}

TEST_F(DatapathTest, DropsWhenNobodyIsUp) {
    for (int i = 1; i <= 3; i++) set_accepts(i, Accepts::nothing);
    apply();
    expect_reason(net::build_frame(tcp_from(1)), XDP_DROP, "no_backend", "all down");
}

TEST_F(DatapathTest, SpreadsFlowsByWeight) {
    plan_.frontends.edit_each([&](auto& one) { one.targets[0].backend.weight = 2; });
    apply();
    std::map<int, int> hits;
    for (int i = 0; i < 20000; i++)
        hits[send(packet(fmt::format("198.51.{}.{}:{}", i % 200, i % 250, 1024 + i), "192.0.2.1:80",
                         net::kTcp, net::kTcpSyn))]++;
    EXPECT_NEAR(hits[1], 10000, 400);
    EXPECT_NEAR(hits[2], 5000, 300);
    EXPECT_NEAR(hits[3], 5000, 300);
}

TEST_F(DatapathTest, FollowsChangesOfOneServiceAfterTheOther) {
    // A generation is written from what its half had two changes before.
    auto whom = [&](const model::FrontendKey& key) {
        std::set<int> backends;
        auto source = key.vip.is_v4() ? "198.51.100.7" : "[2001:db8:9::7]";
        auto vip = key.vip.is_v4() ? key.vip.text() : "[" + key.vip.text() + "]";
        for (int port = 2000; port < 2060; port++)
            backends.insert(
                send(packet(fmt::format("{}:{}", source, port), fmt::format("{}:{}", vip, key.port.value()),
                            static_cast<uint8_t>(key.protocol), net::kTcpSyn)));
        return backends;
    };
    for (size_t i = 0; i < plan_.frontends.size(); i++) {
        plan_.frontends.edit(i).targets[i % 3].accepts = Accepts::nothing;
        apply();
        for (size_t k = 0; k < plan_.frontends.size(); k++) {
            std::set<int> expected{1, 2, 3};
            if (k <= i) expected.erase(static_cast<int>(k % 3) + 1);
            EXPECT_EQ(whom(plan_.frontends[k].key), expected) << "frontend " << k << " after change " << i;
        }
    }
}

TEST_F(DatapathTest, KeepsEachFlowOnItsBackendWhenOthersComeGoAndDrain) {
    auto flows = open_flows(2000, 2400);
    add_backends(4, 9);
    apply();
    expect_kept(flows, "after six came");
    for (int i = 1; i <= 3; i++) set_accepts(i, Accepts::established);
    apply();
    expect_kept(flows, "while their own drain");
    for (int port = 3000; port < 3100; port++)
        EXPECT_GE(send(tcp_from(port, net::kTcpSyn)), 4) << "a new flow on a draining backend";
    set_accepts(2, Accepts::nothing);
    apply();
    for (const auto& [port, backend] : flows) {
        auto now = send(tcp_from(port));
        if (backend == 2)
            EXPECT_NE(now, 2);
        else
            EXPECT_EQ(now, backend);
    }
}

TEST_F(DatapathTest, KeepsUdpFlowsToo) {
    auto datagram = [](int port) {
        return packet(fmt::format("[2001:db8:9::7]:{}", port), "[2001:db8::1]:53", net::kUdp);
    };
    std::map<int, int> flows;
    for (int port = 2000; port < 2200; port++) flows[port] = send(datagram(port));
    add_backends(4, 9);
    apply();
    for (const auto& [port, backend] : flows) EXPECT_EQ(send(datagram(port)), backend);
}

TEST_F(DatapathTest, ForgetsAFlowThatWasIdleForItsTime) {
    plan_.flows.established = std::chrono::seconds(1);  // a tick of some four seconds, and one more
    apply();
    auto flows = open_flows(2000, 2300);
    add_backends(4, 9);
    apply();
    expect_kept(flows, "while they live");
    age_flows(20);
    int moved = 0;
    for (const auto& [port, backend] : flows) moved += send(tcp_from(port)) != backend;
    EXPECT_GT(moved, 150) << "six of nine backends are new, and nothing holds the flows any more";
}

TEST_F(DatapathTest, KeepsAFlowThatAnotherCpuNotedWhenTheNextTickHadBegunThere) {
    auto flows = open_flows(2000, 2300);
    add_backends(4, 9);
    apply();
    age_flows(-1u);
    expect_kept(flows, "whose entries are of the next tick");
}

TEST_F(DatapathTest, AFloodOfSynsDoesNotMoveEstablishedFlows) {
    auto flows = open_flows(2000, 2500);
    add_backends(4, 9);  // now the ring would choose others for most of them
    apply();
    for (int i = 0; i < 100000; i++)
        run(net::build_frame(packet(fmt::format("203.0.{}.{}:{}", i / 250 % 250, i % 250, 1024 + i / 1000),
                                    "192.0.2.1:80", net::kTcp, net::kTcpSyn)));
    expect_kept(flows, "after the flood");
    auto fresh = send(tcp_from(9, net::kTcpSyn));
    EXPECT_NE(fresh, 0);
    EXPECT_EQ(send(tcp_from(9)), fresh);
}

TEST_F(DatapathTest, AnEndIsNotTakenBackByWhatAnotherCpuNotesAtTheSameTime) {
    constexpr int kFirst = 1024, kLast = 9024;
    open_flows(kFirst, kLast);
    age_flows(1);  // so that a packet that changes nothing else is noted
    std::atomic<int> at_its_place = 0;
    const auto send_each = [&](uint8_t flags) {
        for (int port = kFirst; port < kLast; port++) {
            const auto frame = net::build_frame(tcp_from(port, flags));
            ++at_its_place;
            while (at_its_place < 2 * (port - kFirst + 1)) {
            }
            run(frame);
        }
    };
    std::jthread acknowledges([&] { send_each(net::kTcpAck); });
    send_each(net::kTcpFin | net::kTcpAck);
    acknowledges.join();
    const auto before = observe().flow_table.counts_total;
    while (observe().flow_table.counts_total == before) tables_->scan();
    EXPECT_EQ(observe().flow_table.flows.established, 0u);
    EXPECT_GT(observe().flow_table.flows.closing, 7500u);  // the rest had no place
}

TEST_F(DatapathTest, KeepsFlowsAndCountsWhenTheTablesGrow) {
    auto flows = open_flows(2000, 2400);
    auto before = observe();
    auto former_program = program_;
    add_backends(4, 9);
    for (uint16_t port = 1000; port < 1600; port++)
        plan_.frontends.push_back(frontend("192.0.2.9", port, model::Protocol::tcp, 3));
    plan_.flows.size *= 8;
    apply();
    ASSERT_NE(program_, former_program);
    auto after = observe();
    for (const auto& [key, traffic] : before.targets)
        EXPECT_EQ(after.targets.at(key).packets_total, traffic.packets_total);
    expect_kept(flows, "after the growth");
}

TEST_F(DatapathTest, CountsFlowsPacketsAndBytesOfEachTarget) {
    auto spec = tcp_from(1000, net::kTcpSyn);
    auto backend = send(spec);
    spec.tcp_flags = net::kTcpAck;
    spec.payload = 1000;
    send(spec);
    send(spec);
    for (int i = 0; i < 200; i++) tables_->scan();
    auto observation = observe();
    auto traffic = observation.targets.at({plan_.frontends[0].key, address_of(backend)});
    EXPECT_EQ(traffic, (Traffic{1, 1, 3, 54 + 2 * 1054, {.established = 1}}));
    EXPECT_EQ(observation.flow_table.used, 1u);
}

TEST_F(DatapathTest, ADryRunAnswersLikeTheRealOneAndChangesNothing) {
    auto before = observe();
    std::map<int, Ip> said;
    for (int port = 2000; port < 2300; port++) {
        auto verdict = tables_->ask(net::build_frame(tcp_from(port)));
        ASSERT_TRUE(verdict && verdict->backend);
        EXPECT_EQ(verdict->reason, "scheduler");
        said.emplace(port, *verdict->backend);
    }
    EXPECT_EQ(before.targets, observe().targets);
    for (const auto& [port, address] : said) EXPECT_EQ(address_of(send(tcp_from(port))), address);
    EXPECT_EQ(tables_->ask(net::build_frame(tcp_from(2000)))->reason, "flow table");
    auto other = tables_->ask(net::build_frame(packet("198.51.100.7:2000", "192.0.2.1:81")));
    EXPECT_EQ(other->action, "drop");
    EXPECT_EQ(other->reason, "unmatched");
}

}  // namespace
}  // namespace weir::engine::xdp
