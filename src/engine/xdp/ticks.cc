#include "engine/xdp/ticks.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "engine/xdp/abi.h"

namespace weir::engine::xdp {
namespace {

Result<UniqueFd> load_jiffies_reader() {
    const std::array<bpf_insn, 2> code{
        bpf_insn{.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_jiffies64},
        bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_jiffies", "GPL", code.data(), code.size(), nullptr);
    if (fd < 0)
        return fail_with(fd, "cannot load a BPF program; weir needs CAP_BPF, CAP_NET_ADMIN and Linux 6.1");
    return UniqueFd(fd);
}

std::optional<uint32_t> read_jiffies(int program) {
    std::array<char, 64> frame{};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = frame.size());
    if (bpf_prog_test_run_opts(program, &options)) return std::nullopt;
    return options.retval;
}

}  // namespace

Result<Ticks> Ticks::open() {
    auto program = load_jiffies_reader();
    if (!program) return propagate(program);
    Ticks ticks;
    ticks.program_ = std::move(*program);

    // These clocks advance with jiffies, and their resolution is what the kernel takes one to last.
    timespec jiffy{};
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy) || jiffy.tv_sec || jiffy.tv_nsec <= 0)
        return fail("the kernel does not tell how long its jiffies are");
    ticks.hz_ = static_cast<unsigned>(std::lround(1e9 / static_cast<double>(jiffy.tv_nsec)));

    constexpr double kLongest = 3700;  // seconds: an hour and some room
    while ((static_cast<double>(WEIR_AGE_MASK) * (1u << ticks.shift_)) / ticks.hz_ < kLongest) ticks.shift_++;
    return ticks;
}

std::optional<uint32_t> Ticks::now() const {
    auto jiffies = read_jiffies(program_.get());
    if (!jiffies) return std::nullopt;
    return *jiffies >> shift_;
}

uint32_t Ticks::at_least(std::chrono::seconds time) const {
    // One more, because a tick has begun when the packet comes.
    return std::min<uint32_t>(
        static_cast<uint32_t>(std::ceil(static_cast<double>(time.count()) / length())) + 1,
        WEIR_AGE_MASK - 2);
}

}  // namespace weir::engine::xdp
