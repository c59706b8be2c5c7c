// Runs BPF instructions one by one, as RFC 9669 says what they do, and counts them. What a program asks its
// kernel for, somebody else answers.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>

namespace weir::bench {

/// What a register points to.
template <class T>
T* memory_at(uint64_t address) {
    return reinterpret_cast<T*>(address);  // NOLINT(performance-no-int-to-ptr)
}

using Instructions = std::span<const bpf_insn>;

class Kernel {
  public:
    virtual ~Kernel() = default;
    /// The value of a 64-bit load that names a map: of its descriptor, or of an address in its row.
    virtual uint64_t resolve(uint8_t kind, int map, uint32_t offset) = 0;
    /// Registers 1 to 5 are the arguments.
    virtual uint64_t call(int helper, const uint64_t* arguments) = 0;
    /// Where a tail call leads; nothing where it goes on.
    virtual Instructions tail_call(int map, uint32_t index) = 0;
};

class Machine {
  public:
    explicit Machine(Kernel& kernel) : kernel_(kernel) {}

    /// What the program returns. Throws lab::Failure at an instruction that weir's programs do not have.
    uint64_t run(Instructions program, uint64_t context);

    uint32_t instructions() const { return instructions_; }  // of the last run
    uint32_t functions() const { return functions_; }        // called in it

  private:
    static constexpr int kRegisters = 11, kSaved = 6, kFrame = 10, kDepth = 8, kStack = 512;

    struct Caller {
        uint32_t next;
        uint64_t saved[kFrame - kSaved];
    };

    void compute(const bpf_insn& instruction);
    void load(const bpf_insn& instruction);
    void store(const bpf_insn& instruction);
    void compare_and_exchange(const bpf_insn& instruction);
    void enter(uint32_t target);
    bool leave();
    bool branches(const bpf_insn& instruction) const;
    void call(const bpf_insn& instruction);
    uint64_t operand(const bpf_insn& instruction) const;

    Kernel& kernel_;
    Instructions program_;
    uint64_t registers_[kRegisters]{};
    alignas(8) uint8_t stacks_[kDepth][kStack]{};
    Caller callers_[kDepth]{};
    int depth_ = 0;
    uint32_t next_ = 0;
    uint32_t instructions_ = 0, functions_ = 0;
};

}  // namespace weir::bench
