// A program under test behind the wrapper that makes repeated test runs honest (bpf/repeat.bpf.c).
#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "bench/bpf/traffic.h"

struct repeat_bpf;

namespace weir::bench {

struct Sample {
    double nanoseconds = 0;  // of processor time for a packet, the wrapper included
    uint32_t verdict = 0;    // of the last run
    uint64_t runs = 0;
    uint64_t unchanged = 0;     // runs that left the MACs as they were
    uint64_t wrong_length = 0;  // runs after which the frame was not as long as expected
};

class Subject {
  public:
    /// The program stays loaded while this lives. `growth`: bytes that it adds to a frame.
    Subject(int program, int growth);
    /// The floor: a program that swaps the MACs.
    static Subject floor();

    int growth() const { return growth_; }

    /// Flows that never come again go on where the last run ended.
    Sample run(bench_traffic traffic, int repeat);

  private:
    Subject();
    bool put(int program);

    struct Unload {
        void operator()(repeat_bpf* object) const;
    };
    std::unique_ptr<repeat_bpf, Unload> object_;
    int growth_ = 0;
    uint32_t next_fresh_ = 1U << 28;  // beyond every flow of the other orders
};

/// A loaded program by its id, or by the path where it is pinned.
UniqueFd find_program(const std::string& reference);

}  // namespace weir::bench
