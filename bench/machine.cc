#include "bench/machine.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lab/failure.h"

namespace weir::bench {
namespace {

constexpr int kTailCall = 12;
constexpr uint32_t kMost = 1'000'000;  // instructions, of a program that does not end

[[noreturn]] void refuse(const bpf_insn& instruction) {
    lab::give_up("the interpreter does not know the BPF instruction {:#04x} (offset {}, value {})",
                 instruction.code, instruction.off, instruction.imm);
}

bool is_wide(const bpf_insn& instruction) {
    uint8_t kind = BPF_CLASS(instruction.code);
    return kind == BPF_ALU64 || kind == BPF_JMP;
}

uint64_t swapped(uint64_t value, const bpf_insn& instruction) {
    bool turns = BPF_SRC(instruction.code) == BPF_TO_BE;
    switch (instruction.imm) {
        case 16:
            return turns ? __builtin_bswap16(static_cast<uint16_t>(value)) : static_cast<uint16_t>(value);
        case 32:
            return turns ? __builtin_bswap32(static_cast<uint32_t>(value)) : static_cast<uint32_t>(value);
        case 64:
            return turns ? __builtin_bswap64(value) : value;
        default:
            refuse(instruction);
    }
}

int size_of(const bpf_insn& instruction) {
    switch (BPF_SIZE(instruction.code)) {
        case BPF_B:
            return 1;
        case BPF_H:
            return 2;
        case BPF_W:
            return 4;
        default:
            return 8;
    }
}

void* address(uint64_t base, const bpf_insn& instruction) {
    return memory_at<void>(base + static_cast<uint64_t>(int64_t{instruction.off}));
}

}  // namespace

uint64_t Machine::operand(const bpf_insn& instruction) const {
    uint64_t value = BPF_SRC(instruction.code) == BPF_X ? registers_[instruction.src_reg]
                                                        : static_cast<uint64_t>(int64_t{instruction.imm});
    return is_wide(instruction) ? value : static_cast<uint32_t>(value);
}

void Machine::compute(const bpf_insn& instruction) {
    bool wide = is_wide(instruction);
    auto& to = registers_[instruction.dst_reg];
    uint64_t a = wide ? to : static_cast<uint32_t>(to), b = operand(instruction);
    unsigned shift = b & (wide ? 63 : 31);
    auto result = [&]() -> uint64_t {
        switch (BPF_OP(instruction.code)) {
            case BPF_ADD:
                return a + b;
            case BPF_SUB:
                return a - b;
            case BPF_MUL:
                return a * b;
            case BPF_DIV:
                return b ? a / b : 0;
            case BPF_MOD:
                return b ? a % b : a;
            case BPF_OR:
                return a | b;
            case BPF_AND:
                return a & b;
            case BPF_XOR:
                return a ^ b;
            case BPF_LSH:
                return a << shift;
            case BPF_RSH:
                return a >> shift;
            case BPF_ARSH:
                return wide ? static_cast<uint64_t>(static_cast<int64_t>(a) >> shift)
                            : static_cast<uint32_t>(static_cast<int32_t>(a) >> shift);
            case BPF_NEG:
                return -a;
            case BPF_MOV:
                if (instruction.off == 0) return b;
                refuse(instruction);
            default:
                refuse(instruction);
        }
    };
    if (BPF_OP(instruction.code) == BPF_END) {
        to = swapped(to, instruction);
        return;
    }
    to = result();
    if (!wide) to = static_cast<uint32_t>(to);
}

/// Memory is the program's own, the packet, or a map's: the verifier has seen to the bounds.
void Machine::load(const bpf_insn& instruction) {
    if (BPF_MODE(instruction.code) != BPF_MEM) refuse(instruction);
    uint64_t value = 0;
    std::memcpy(&value, address(registers_[instruction.src_reg], instruction), size_of(instruction));
    registers_[instruction.dst_reg] = value;
}

/// Of the atomic ones the only one that the datapath's own path has.
void Machine::compare_and_exchange(const bpf_insn& instruction) {
    if (instruction.imm != BPF_CMPXCHG || BPF_SIZE(instruction.code) != BPF_DW) refuse(instruction);
    auto* at = address(registers_[instruction.dst_reg], instruction);
    uint64_t before = 0;
    std::memcpy(&before, at, sizeof before);
    if (before == registers_[0]) std::memcpy(at, &registers_[instruction.src_reg], sizeof before);
    registers_[0] = before;
}

void Machine::store(const bpf_insn& instruction) {
    if (BPF_CLASS(instruction.code) == BPF_STX && BPF_MODE(instruction.code) == BPF_ATOMIC)
        return compare_and_exchange(instruction);
    if (BPF_MODE(instruction.code) != BPF_MEM) refuse(instruction);
    uint64_t value = BPF_CLASS(instruction.code) == BPF_STX ? registers_[instruction.src_reg]
                                                            : static_cast<uint64_t>(int64_t{instruction.imm});
    std::memcpy(address(registers_[instruction.dst_reg], instruction), &value, size_of(instruction));
}

bool Machine::branches(const bpf_insn& instruction) const {
    bool wide = is_wide(instruction);
    uint64_t a = registers_[instruction.dst_reg], b = operand(instruction);
    if (!wide) a = static_cast<uint32_t>(a);
    auto sign = [&](uint64_t value) {
        return wide ? static_cast<int64_t>(value) : int64_t{static_cast<int32_t>(value)};
    };
    switch (BPF_OP(instruction.code)) {
        case BPF_JA:
            return true;
        case BPF_JEQ:
            return a == b;
        case BPF_JNE:
            return a != b;
        case BPF_JGT:
            return a > b;
        case BPF_JGE:
            return a >= b;
        case BPF_JLT:
            return a < b;
        case BPF_JLE:
            return a <= b;
        case BPF_JSET:
            return (a & b) != 0;
        case BPF_JSGT:
            return sign(a) > sign(b);
        case BPF_JSGE:
            return sign(a) >= sign(b);
        case BPF_JSLT:
            return sign(a) < sign(b);
        case BPF_JSLE:
            return sign(a) <= sign(b);
        default:
            refuse(instruction);
    }
}

void Machine::enter(uint32_t target) {
    if (depth_ + 1 == kDepth) lab::give_up("BPF functions that call each other without end");
    auto& caller = callers_[depth_++];
    caller.next = next_;
    std::copy_n(registers_ + kSaved, kFrame - kSaved, caller.saved);
    registers_[kFrame] = reinterpret_cast<uint64_t>(stacks_[depth_] + kStack);
    next_ = target;
    functions_++;
}

/// False at the end of the program.
bool Machine::leave() {
    if (depth_ == 0) return false;
    const auto& caller = callers_[--depth_];
    std::copy_n(caller.saved, kFrame - kSaved, registers_ + kSaved);
    registers_[kFrame] = reinterpret_cast<uint64_t>(stacks_[depth_] + kStack);
    next_ = caller.next;
    return true;
}

void Machine::call(const bpf_insn& instruction) {
    if (instruction.src_reg == BPF_PSEUDO_CALL) return enter(next_ + static_cast<uint32_t>(instruction.imm));
    if (instruction.imm == kTailCall) {
        auto to = kernel_.tail_call(static_cast<int>(registers_[2]), static_cast<uint32_t>(registers_[3]));
        if (to.empty()) return;
        program_ = to;
        next_ = 0;
        return;
    }
    registers_[0] = kernel_.call(instruction.imm, registers_ + 1);
    std::fill_n(registers_ + 1, 5, ~uint64_t{0});  // a program that goes on using them is wrong
}

uint64_t Machine::run(Instructions program, uint64_t context) {
    program_ = program;
    next_ = instructions_ = functions_ = 0;
    depth_ = 0;
    registers_[1] = context;
    registers_[kFrame] = reinterpret_cast<uint64_t>(stacks_[0] + kStack);
    while (instructions_++ < kMost) {
        const auto& instruction = program_[next_++];
        uint8_t kind = BPF_CLASS(instruction.code);
        if (kind == BPF_ALU || kind == BPF_ALU64) {
            compute(instruction);
        } else if (kind == BPF_LDX) {
            load(instruction);
        } else if (kind == BPF_ST || kind == BPF_STX) {
            store(instruction);
        } else if (kind == BPF_LD) {
            auto high = static_cast<uint32_t>(program_[next_++].imm);
            registers_[instruction.dst_reg] =
                instruction.src_reg ? kernel_.resolve(instruction.src_reg, instruction.imm, high)
                                    : uint64_t{high} << 32 | static_cast<uint32_t>(instruction.imm);
        } else if (instruction.code == (BPF_JMP | BPF_EXIT)) {
            if (!leave()) return registers_[0];
        } else if (instruction.code == (BPF_JMP | BPF_CALL)) {
            call(instruction);
        } else if (branches(instruction)) {
            next_ += static_cast<uint32_t>(int32_t{instruction.off});
        }
    }
    lab::give_up("a BPF program that does not end");
}

}  // namespace weir::bench
