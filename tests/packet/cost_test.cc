// The datapath's cost in counts, which unlike times are the same on every run: calls that the kernel has not
// inlined (each costs about as much as the rest of a parse), and instructions. bench/xdp measures the times.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "engine/xdp/tables.h"

namespace weir::engine::xdp {
namespace {

/// More needs a measurement that shows what it buys; then raise it.
constexpr size_t kMostInstructions = 1700;

/// What the verifier may have to look at: an old kernel gives up at a million.
constexpr uint32_t kMostVerified = 100'000, kMostVerifiedGeneral = 500'000;

/// The program in force, and the one to which it leaves what is rare.
struct Programs {
    std::unique_ptr<Tables> tables;
    UniqueFd general;
};

Programs load() {
    auto tables = Tables::open("", [](int) { return Status{}; });
    if (!tables || !(*tables)->apply({}, {})) return {};
    Programs out{std::move(*tables), {}};
    for (uint32_t id = 0; !bpf_prog_get_next_id(id, &id);) {
        UniqueFd program(bpf_prog_get_fd_by_id(id));
        bpf_prog_info info{};
        uint32_t length = sizeof info;
        if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &length)) continue;
        // Of ours the last; others may be those of a daemon that runs here.
        if (std::string_view(info.name) == "weir_general") out.general = std::move(program);
    }
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

/// Making room for a tunnel's header, and going over to the program that sees to what is rare.
constexpr int kCalls = 2;

TEST(DatapathCost, IsAFewInstructionsAndTwoCalls) {
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

}  // namespace
}  // namespace weir::engine::xdp
