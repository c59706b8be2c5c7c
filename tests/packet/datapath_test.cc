// The datapath program over tables of packets, run by the kernel itself (BPF_PROG_TEST_RUN): what comes in,
// what the verdict is, to which backend it goes or under which reason it is counted.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <map>

#include "engine/xdp/tables.h"
#include "net/packet.h"

namespace weir::engine::xdp {
namespace {

using model::Accepts;
using net::Endpoint;
using net::Ip;
using net::Mac;

const Mac kBalancer = *Mac::parse("02:00:00:00:00:64");
const Mac kClient = *Mac::parse("02:00:00:00:00:01");

Mac mac_of(int backend) {
    return {{2, 0, 0, 0, 1, static_cast<uint8_t>(backend)}};
}
Ip address_of(int backend) {
    return Ip::v4({10, 1, 10, static_cast<uint8_t>(backend)});
}

model::Frontend frontend(const std::string& vip, uint16_t port, model::Protocol protocol, int backends) {
    model::Frontend out;
    out.key = {*Ip::parse(vip), net::Port(port), protocol};
    out.scheduler.table_size = 1021;
    for (int i = 1; i <= backends; i++) out.targets.push_back({{address_of(i)}, {true, ""}, Accepts::all});
    return out;
}

net::PacketSpec packet(const std::string& source, const std::string& destination,
                       uint8_t protocol = net::kTcp, uint8_t flags = net::kTcpAck) {
    net::PacketSpec spec;
    spec.source_mac = kClient;
    spec.destination_mac = kBalancer;
    spec.source = *Endpoint::parse(source);
    spec.destination = *Endpoint::parse(destination);
    spec.protocol = protocol;
    spec.tcp_flags = flags;
    return spec;
}

/// A packet of the client's `port` to the TCP service.
net::PacketSpec tcp_from(int port, uint8_t flags = net::kTcpAck) {
    return packet(fmt::format("198.51.100.7:{}", port), "192.0.2.1:80", net::kTcp, flags);
}

struct Ran {
    uint32_t verdict;
    std::vector<uint8_t> frame;
};

/// The backend that a frame was sent to; 0 if it was not.
int backend_of(const Ran& ran) {
    if (ran.verdict != XDP_TX) return 0;
    auto frame = net::parse_frame(ran.frame);
    EXPECT_TRUE(frame);
    EXPECT_EQ(frame->source_mac, kBalancer);
    EXPECT_EQ(mac_of(frame->destination_mac.bytes[5]), frame->destination_mac);
    return frame->destination_mac.bytes[5];
}

/// The packet behind the MACs, without TTL (or hop limit) and IPv4 header checksum.
std::vector<uint8_t> without_hop(const std::vector<uint8_t>& frame) {
    std::vector<uint8_t> packet(frame.begin() + 12, frame.end());
    if (packet[2] >> 4 == 4)
        packet[2 + 8] = packet[2 + 10] = packet[2 + 11] = 0;
    else
        packet[2 + 7] = 0;
    return packet;
}

class DatapathTest : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        auto opened = Tables::open("", [this](int program) {
            program_ = program;
            return Status{};
        });
        ASSERT_TRUE(opened) << opened.error().message;
        tables_ = std::move(*opened);
        plan_.flows.size = 4096;
        plan_.frontends = {frontend("192.0.2.1", 80, model::Protocol::tcp, 3),
                           frontend("192.0.2.1", 53, model::Protocol::udp, 3),
                           frontend("2001:db8::1", 80, model::Protocol::tcp, 3),
                           frontend("2001:db8::1", 53, model::Protocol::udp, 3)};
        for (int i = 1; i <= 9; i++) hops_.emplace(address_of(i), Hop{mac_of(i), kBalancer});
        apply();
    }

    void apply() {
        auto applied = tables_->apply(plan_, hops_);
        ASSERT_TRUE(applied) << applied.error().message;
    }

    Ran run(std::vector<uint8_t> frame) const {
        Ran out{0, std::vector<uint8_t>(frame.size() + 64)};
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.frame.data(),
                    .data_size_in = static_cast<uint32_t>(frame.size()),
                    .data_size_out = static_cast<uint32_t>(out.frame.size()), .repeat = 1);
        EXPECT_EQ(bpf_prog_test_run_opts(program_, &options), 0);
        out.verdict = options.retval;
        out.frame.resize(options.data_size_out);
        return out;
    }

    int send(const net::PacketSpec& spec) const { return backend_of(run(net::build_frame(spec))); }

    /// Opens flows from the client's ports; which backend each got.
    std::map<int, int> open_flows(int first, int last) const {
        std::map<int, int> backends;
        for (int port = first; port < last; port++) {
            backends[port] = send(tcp_from(port, net::kTcpSyn));
            EXPECT_EQ(send(tcp_from(port)), backends[port]);
        }
        return backends;
    }

    void expect_kept(const std::map<int, int>& flows, const char* when) const {
        for (const auto& [port, backend] : flows) ASSERT_EQ(send(tcp_from(port)), backend) << when;
    }

    /// Makes every entry of the flow table look that many ticks older.
    void age_flows(uint32_t ticks) const {
        int flows = map_of_program("flows");
        ASSERT_GE(flows, 0);
        bpf_map_info info{};
        uint32_t length = sizeof info;
        ASSERT_EQ(bpf_obj_get_info_by_fd(flows, &info, &length), 0);
        for (uint32_t i = 0; i < info.max_entries; i++) {
            weir_bucket bucket;
            ASSERT_EQ(bpf_map_lookup_elem(flows, &i, &bucket), 0);
            for (auto& entry : bucket.entry)
                if (entry) entry = (entry & ~uint64_t{WEIR_AGE_MASK}) | ((entry - ticks) & WEIR_AGE_MASK);
            ASSERT_EQ(bpf_map_update_elem(flows, &i, &bucket, BPF_ANY), 0);
        }
        close(flows);
    }

    int map_of_program(const std::string& name) const {
        std::array<uint32_t, 32> ids{};
        bpf_prog_info info{};
        info.nr_map_ids = ids.size();
        info.map_ids = reinterpret_cast<uint64_t>(ids.data());
        uint32_t length = sizeof info;
        if (bpf_obj_get_info_by_fd(program_, &info, &length)) return -1;
        for (uint32_t i = 0; i < info.nr_map_ids; i++) {
            int fd = bpf_map_get_fd_by_id(ids[i]);
            bpf_map_info map{};
            length = sizeof map;
            if (bpf_obj_get_info_by_fd(fd, &map, &length) == 0 && map.name == name) return fd;
            close(fd);
        }
        return -1;
    }

    void add_backends(int first, int last) {
        for (auto& one : plan_.frontends)
            for (int i = first; i <= last; i++)
                one.targets.push_back({{address_of(i)}, {true, ""}, Accepts::all});
    }

    void set_accepts(int backend, Accepts accepts) {
        for (auto& one : plan_.frontends)
            for (auto& target : one.targets)
                if (target.backend.address == address_of(backend)) target.accepts = accepts;
    }

    Observation observe() const {
        Observation observation;
        tables_->observe(observation);
        return observation;
    }

    /// Packets counted under a reason since the last call.
    std::map<std::string, uint64_t> new_reasons() {
        std::map<std::string, uint64_t> now, fresh;
        for (const auto& count : observe().not_forwarded) now[count.reason] = count.packets_total;
        for (const auto& [reason, packets] : now)
            if (packets != seen_[reason]) fresh[reason] = packets - seen_[reason];
        seen_ = now;
        return fresh;
    }

    void expect_reason(const std::vector<uint8_t>& frame, uint32_t verdict, const std::string& reason,
                       const std::string& what) {
        new_reasons();
        auto ran = run(frame);
        EXPECT_EQ(ran.verdict, verdict) << what;
        EXPECT_EQ(ran.frame, frame) << what << ": changed though not forwarded";
        EXPECT_EQ(new_reasons(), (std::map<std::string, uint64_t>{{reason, 1}})) << what;
    }

    model::Plan plan_;
    Hops hops_;
    std::unique_ptr<Tables> tables_;
    int program_ = -1;
    std::map<std::string, uint64_t> seen_;
};

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
    for (auto& one : plan_.frontends) one.targets[0].backend.weight = 2;
    apply();
    std::map<int, int> hits;
    for (int i = 0; i < 20000; i++)
        hits[send(packet(fmt::format("198.51.{}.{}:{}", i % 200, i % 250, 1024 + i), "192.0.2.1:80",
                         net::kTcp, net::kTcpSyn))]++;
    EXPECT_NEAR(hits[1], 10000, 400);
    EXPECT_NEAR(hits[2], 5000, 300);
    EXPECT_NEAR(hits[3], 5000, 300);
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
    EXPECT_EQ(traffic, (Traffic{1, 1, 3, 54 + 2 * 1054}));
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
