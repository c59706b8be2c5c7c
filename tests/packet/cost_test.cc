// The datapath's cost in counts, which unlike times are the same on every run: calls that the kernel has not
// inlined (each costs about as much as the rest of a parse), and instructions. bench/xdp measures the times.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>
#include <vector>

#include "bench/scenarios.h"
#include "engine/xdp/tables.h"
#include "lab/bpf_map.h"

namespace weir::engine::xdp {
namespace {

/// More needs a measurement that shows what it buys; then raise it. A thousand of them read QUIC's connection
/// ids, which costs nobody else a call.
constexpr size_t kMostInstructions = 2800;

/// What the verifier may have to look at: an old kernel gives up at a million.
constexpr uint32_t kMostVerified = 100'000, kMostVerifiedGeneral = 500'000;

/// The program in force, and the one to which it leaves what is rare.
struct Loaded {
    std::unique_ptr<Tables> tables;
    UniqueFd general;
};

Loaded load() {
    auto tables = Tables::open("", [](int) { return Status{}; });
    if (!tables || !(*tables)->apply(model::Plan{}, Hops{})) return {};
    Loaded out{std::move(*tables), {}};
    for (const auto& map : lab::maps_of(*out.tables->program()))
        if (map.name() == "programs") out.general = lab::program_in(map.fd.get(), WEIR_AS_IT_IS);
    return out;
}

uint32_t verified(int program) {
    bpf_prog_info info{};
    uint32_t length = sizeof info;
    bpf_obj_get_info_by_fd(program, &info, &length);
    return info.verified_insns;
}

/// The program as the verifier has left it, with inlined what it inlines.
std::vector<bpf_insn> rewritten(int program) {
    bpf_prog_info info{};
    uint32_t length = sizeof info;
    bpf_obj_get_info_by_fd(program, &info, &length);
    std::vector<bpf_insn> instructions(info.xlated_prog_len / sizeof(bpf_insn));
    info = {};
    info.xlated_prog_len = static_cast<uint32_t>(instructions.size() * sizeof(bpf_insn));
    info.xlated_prog_insns = reinterpret_cast<uint64_t>(instructions.data());
    if (bpf_obj_get_info_by_fd(program, &info, &length)) return {};
    return instructions;
}

bool is_call(const bpf_insn& instruction) {
    return instruction.code == (BPF_JMP | BPF_CALL);
}

bool kernel_inlines_all() {
    utsname kernel{};
    uname(&kernel);
    int major = 0, minor = 0;
    std::sscanf(kernel.release, "%d.%d", &major, &minor);
    return std::pair(major, minor) >= std::pair(6, 10);
}

/// Making room for a tunnel's header, going over to the program that sees to what is rare, and QUIC's.
constexpr int kCalls = 10;

TEST(DatapathCost, IsAFewInstructionsAndCalls) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    auto programs = load();
    ASSERT_TRUE(programs.tables);
    auto instructions = rewritten(*programs.tables->program());
    ASSERT_GT(instructions.size(), 100u) << "cannot read the program back";
    EXPECT_LE(instructions.size(), kMostInstructions);
    if (!kernel_inlines_all()) GTEST_SKIP() << "before Linux 6.10 bpf_get_smp_processor_id() is a call";
    EXPECT_LE(std::ranges::count_if(instructions, is_call), kCalls);
}

TEST(DatapathCost, IsWellWithinWhatTheVerifierTakes) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    auto programs = load();
    ASSERT_TRUE(programs.tables && programs.general);
    struct {
        const char* name;
        int program;
        uint32_t most;
    } rows[] = {{"weir", *programs.tables->program(), kMostVerified},
                {"weir_general", programs.general.get(), kMostVerifiedGeneral}};
    for (const auto& [name, program, most] : rows) {
        auto count = verified(program);
        std::printf("%-12s %6zu instructions, of which the verifier looked at %u\n", name,
                    rewritten(program).size(), count);
        EXPECT_GT(count, 0u) << "Linux before 5.16 does not tell";
        EXPECT_LT(count, most);
    }
}

/// What one packet may cost. A service whose row lies at the second of its two places costs about 20
/// instructions more than one at the first; the limits have room for that, and a little more.
struct Limit {
    uint32_t instructions, calls;
};

const std::map<std::string, Limit> kLimits = {
    {"dsr: TCP over IPv4, known", {410, 0}},
    {"dsr: TCP over IPv6, known", {410, 0}},
    {"dsr: UDP over IPv4, known", {390, 0}},
    {"dsr: UDP over IPv6, known", {390, 0}},
    {"dsr: TCP over IPv4, new", {550, 0}},
    {"dsr: TCP over IPv6, new", {550, 0}},
    {"dsr: VLAN to VLAN, known", {430, 0}},
    {"dscp: known", {1180, 12}},
    {"passed: no VIP", {240, 0}},
    {"dropped: no such service", {250, 0}},
    {"ipip: IPv4 in IPv4, known", {500, 1}},
    {"ipip: IPv6 in IPv4, known", {500, 1}},
    {"ipip: IPv4 in IPv6, known", {480, 1}},
    {"ipip: IPv6 in IPv6, known", {480, 1}},
    {"gre: IPv4 in IPv4, known", {500, 1}},
    {"gre: IPv6 in IPv4, known", {500, 1}},
    {"gre: IPv4 in IPv6, known", {480, 1}},
    {"gre: IPv6 in IPv6, known", {480, 1}},
    {"fou: IPv4 in IPv4, known", {510, 1}},
    {"fou: IPv6 in IPv4, known", {510, 1}},
    {"fou: IPv4 in IPv6, known", {480, 1}},
    {"fou: IPv6 in IPv6, known", {480, 1}},
    {"gue: IPv4 in IPv4, known", {520, 1}},
    {"gue: IPv6 in IPv4, known", {520, 1}},
    {"gue: IPv4 in IPv6, known", {490, 1}},
    {"gue: IPv6 in IPv6, known", {480, 1}},
    {"nat: known", {1260, 13}},
    {"nat: new", {1640, 20}},
    {"nat: the backend's answer", {1040, 14}},
    {"quic: a short header, known", {550, 4}},
    {"icmp: too big", {780, 8}},
    {"icmp: an echo request", {680, 9}},
};

TEST(DatapathCost, OfEachKindOfPacketIsWithinItsLimit) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    auto counted = bench::count_steps();
    EXPECT_EQ(counted.size(), kLimits.size());
    for (const auto& [name, steps] : counted) {
        auto limit = kLimits.find(name);
        ASSERT_NE(limit, kLimits.end()) << name;
        EXPECT_LE(steps.instructions, limit->second.instructions) << name;
        EXPECT_LE(steps.calls(), limit->second.calls) << name;
        bool passes = name.starts_with("passed"), drops = name.starts_with("dropped");
        EXPECT_EQ(steps.verdict, passes ? XDP_PASS : drops ? XDP_DROP : XDP_TX) << name;
        fmt::print("{}: {} instructions, {} calls\n", name, steps.instructions, steps.calls());
    }
}

}  // namespace
}  // namespace weir::engine::xdp
