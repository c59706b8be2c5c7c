#include "tests/packet/detour_fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "engine/xdp/target_row.h"

namespace weir {
namespace {

// Of linux/bpf.h since 6.17: the packet runs as one whose sum the card took, and the kernel compares that sum
// with the packet that comes out.
constexpr uint32_t kCardsSum = 1u << 2;

uint8_t family(const net::Ip& address) {
    return address.is_v4() ? WEIR_V4 : WEIR_V6;
}

}  // namespace

void DetourPackets::SetUp() {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    if (!bpf_) bpf_.reset(detour_bpf__open_and_load());
    ASSERT_TRUE(bpf_);
}

int DetourPackets::rows() const {
    return bpf_map__fd(bpf_->maps.detours);
}

void DetourPackets::put_row(const Addresses& addresses, uint8_t protocol, const weir_target& target,
                            uint32_t device, uint16_t port) {
    auto abi = [](const char* address) { return engine::xdp::to_abi(ip(address)); };
    weir_detour row{.stack = {abi(addresses.own), abi(addresses.backend)},
                    .wire = {abi(addresses.source), abi(addresses.vip)},
                    .stack_family = family(ip(addresses.own)),
                    .wire_family = family(ip(addresses.vip)),
                    .port = htons(protocol == IPPROTO_ICMP ? 0 : kServicePort),
                    .device = device,
                    .target = target};
    weir_detour_key key{.port = htons(port), .protocol = protocol, .pad = 0};
    ASSERT_EQ(bpf_map_update_elem(rows(), &key, &row, BPF_ANY), 0);
}

void DetourPackets::remove_rows() {
    weir_detour_key key{};
    while (bpf_ && bpf_map_get_next_key(rows(), nullptr, &key) == 0) bpf_map_delete_elem(rows(), &key);
}

DetourPackets::Ran DetourPackets::run(const bpf_program* program, const Bytes& in) {
    Bytes out(in.size() + 256);
    bpf_test_run_opts options{.sz = sizeof options,
                              .data_in = in.data(),
                              .data_out = out.data(),
                              .data_size_in = static_cast<uint32_t>(in.size()),
                              .data_size_out = static_cast<uint32_t>(out.size())};
    options.flags = flags_;
    int failed = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
    EXPECT_EQ(failed, 0) << "EBADMSG (74): skb->csum is not the packet's any more";
    out.resize(options.data_size_out);
    return {static_cast<int>(options.retval), out};
}

void DetourPackets::expect_untouched(const Bytes& in) {
    EXPECT_EQ(leave(in), (Ran{TC_ACT_UNSPEC, in}));
    EXPECT_EQ(enter(in), (Ran{TC_ACT_UNSPEC, in}));
}

bool DetourPackets::with_cards_sum(const Bytes& in) {
    bpf_test_run_opts options{
        .sz = sizeof options, .data_in = in.data(), .data_size_in = static_cast<uint32_t>(in.size())};
    options.flags = kCardsSum;
    if (bpf_prog_test_run_opts(bpf_program__fd(bpf_->progs.detour_in), &options) == -EINVAL) return false;
    flags_ = kCardsSum;
    return true;
}

}  // namespace weir
