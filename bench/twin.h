// The datapath run in user space, over the maps of one that is loaded: what a packet costs it in instructions
// and calls, which no other work on the machine changes. A run does to the maps what the kernel's would.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/machine.h"

namespace weir::bench {

/// Of one packet. Instructions are counted as the compiler wrote them: where the kernel puts a helper's code
/// in its place (array lookups, the time, the processor's number, tail calls) it is one instruction here, and
/// no call.
struct Steps {
    uint32_t verdict = 0;
    uint32_t instructions = 0;
    uint32_t functions = 0;                // BPF functions called
    std::map<std::string, int> helpers{};  // calls by name, but for those that the kernel inlines
    std::vector<uint8_t> frame{};          // as it would leave

    /// Calls that the processor makes: each costs about as much as reading the headers does.
    uint32_t calls() const;
};

class Twin {
  public:
    /// `program`: weir's, loaded.
    explicit Twin(int program);
    ~Twin();

    Steps run(const std::vector<uint8_t>& frame);

  private:
    class Side;
    std::unique_ptr<Side> side_;
};

}  // namespace weir::bench
