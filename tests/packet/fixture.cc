#include "tests/packet/fixture.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "lab/bpf_map.h"

namespace weir::engine::xdp {

Mac mac_of(int backend) {
    return {{2, 0, 0, 0, 1, static_cast<uint8_t>(backend)}};
}

Ip address_of(int backend, net::Family family) {
    auto last = static_cast<uint8_t>(backend);
    if (family == net::Family::v4) return Ip::v4({10, 1, 10, last});
    return Ip::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
}

model::Frontend frontend(const std::string& vip, uint16_t port, model::Protocol protocol, int backends) {
    model::Frontend out;
    out.key = {*Ip::parse(vip), net::Port(port), protocol};
    out.scheduler.table_size = 1021;
    for (int i = 1; i <= backends; i++) out.targets.push_back({{address_of(i)}, {true, ""}, Accepts::all});
    return out;
}

net::PacketSpec packet(const std::string& source, const std::string& destination, uint8_t protocol,
                       uint8_t flags) {
    net::PacketSpec spec;
    spec.source_mac = kClient;
    spec.destination_mac = kBalancer;
    spec.source = *Endpoint::parse(source);
    spec.destination = *Endpoint::parse(destination);
    spec.protocol = protocol;
    spec.tcp_flags = flags;
    return spec;
}

net::PacketSpec tcp_from(int port, uint8_t flags) {
    return packet(fmt::format("198.51.100.7:{}", port), "192.0.2.1:80", net::kTcp, flags);
}

int backend_of(const Ran& ran) {
    if (ran.verdict != XDP_TX) return 0;
    auto frame = net::parse_frame(ran.frame);
    EXPECT_TRUE(frame);
    EXPECT_EQ(frame->source_mac, kBalancer);
    EXPECT_EQ(mac_of(frame->destination_mac.bytes[5]), frame->destination_mac);
    return frame->destination_mac.bytes[5];
}

Bytes without_hop(const Bytes& frame) {
    Bytes packet(frame.begin() + 12, frame.end());
    if (packet[2] >> 4 == 4)
        packet[2 + 8] = packet[2 + 10] = packet[2 + 11] = 0;
    else
        packet[2 + 7] = 0;
    return packet;
}

void DatapathTest::SetUp() {
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
    for (auto family : {net::Family::v4, net::Family::v6})
        for (int i = 1; i <= 9; i++) hops_.emplace(address_of(i, family), Hop{mac_of(i), kBalancer});
    apply();
}

void DatapathTest::apply() {
    if (!shared_hops_ || *shared_hops_ != hops_) shared_hops_ = std::make_shared<const Hops>(hops_);
    auto applied = tables_->apply(plan_, shared_hops_);
    ASSERT_TRUE(applied) << applied.error().message;
}

Ran DatapathTest::run(const Bytes& frame, int interface) const {
    constexpr size_t kMostGrowth = 256;
    Ran out{0, Bytes(frame.size() + kMostGrowth)};
    xdp_md context{};
    context.data_end = static_cast<uint32_t>(frame.size());
    context.ingress_ifindex = static_cast<uint32_t>(interface);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()),
                .data_size_out = static_cast<uint32_t>(out.frame.size()), .repeat = 1);
    if (interface) {
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
    }
    EXPECT_EQ(bpf_prog_test_run_opts(program_, &options), 0) << frame.size() << " bytes";
    out.verdict = options.retval;
    out.frame.resize(options.data_size_out);
    return out;
}

std::map<int, int> DatapathTest::open_flows(int first, int last) const {
    std::map<int, int> backends;
    for (int port = first; port < last; port++) {
        backends[port] = send(tcp_from(port, net::kTcpSyn));
        EXPECT_EQ(send(tcp_from(port)), backends[port]);
    }
    return backends;
}

void DatapathTest::expect_kept(const std::map<int, int>& flows, const char* when) const {
    for (const auto& [port, backend] : flows) ASSERT_EQ(send(tcp_from(port)), backend) << when;
}

void DatapathTest::age_flows(uint32_t ticks) const {
    auto map = map_of_program("flows");
    int flows = map.get();
    ASSERT_TRUE(map);
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
}

namespace {

/// The map of that name among those of a program; a program array of its own is followed to the programs.
UniqueFd map_of(int program, const std::string& name, bool follow) {
    UniqueFd found;
    for (auto& map : lab::maps_of(program)) {
        if (map.name() == name) return std::move(map.fd);
        if (!follow || map.info.type != BPF_MAP_TYPE_PROG_ARRAY) continue;
        if (auto other = lab::program_in(map.fd.get(), 0)) found = map_of(other.get(), name, false);
    }
    return found;
}

}  // namespace

UniqueFd DatapathTest::map_of_program(const std::string& name) const {
    return map_of(program_, name, true);
}

void DatapathTest::add_backends(int first, int last) {
    plan_.frontends.edit_each([&](auto& one) {
        for (int i = first; i <= last; i++)
            one.targets.push_back({{address_of(i)}, {true, ""}, Accepts::all});
    });
}

void DatapathTest::set_accepts(int backend, Accepts accepts) {
    plan_.frontends.edit_each([&](auto& one) {
        for (auto& target : one.targets)
            if (target.backend.address == address_of(backend)) target.accepts = accepts;
    });
}

Observation DatapathTest::observe() const {
    Observation observation;
    tables_->observe(observation, {});
    tables_->observe_targets(observation);
    return observation;
}

std::map<std::string, uint64_t> DatapathTest::new_reasons() {
    std::map<std::string, uint64_t> now, fresh;
    for (const auto& count : observe().not_forwarded) now[count.reason] = count.packets_total;
    for (const auto& [reason, packets] : now)
        if (packets != seen_[reason]) fresh[reason] = packets - seen_[reason];
    seen_ = now;
    return fresh;
}

uint64_t DatapathTest::new_packets() {
    uint64_t now = 0;
    for (const auto& [key, traffic] : observe().targets) now += traffic.packets_total;
    return now - std::exchange(packets_, now);
}

void DatapathTest::expect_reason(const Bytes& frame, uint32_t verdict, const std::string& reason,
                                 const std::string& what) {
    new_reasons();
    auto ran = run(frame);
    EXPECT_EQ(ran.verdict, verdict) << what;
    EXPECT_EQ(ran.frame, frame) << what << ": changed though not forwarded";
    EXPECT_EQ(new_reasons(), (std::map<std::string, uint64_t>{{reason, 1}})) << what;
}

}  // namespace weir::engine::xdp
