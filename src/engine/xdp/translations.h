// The flows that NAT translates, in the kernel's tables: expired by and by, and moved when the tables grow.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "engine/xdp/abi.h"
#include "engine/xdp/flow_scan.h"

namespace weir::engine::xdp {

/// Passes over a table in small steps and deletes the rows that have outlived their state's timeout.
class TranslationScan {
  public:
    /// `map` is borrowed: one of nat_new and nat.
    explicit TranslationScan(int map);

    /// Looks at some of the next rows. `now` is the datapath's tick.
    void step(uint32_t rows, uint32_t now, const Timeouts& timeouts);

    /// Rows that stayed, of the last whole pass; a flow has two.
    uint64_t used() const { return used_; }

  private:
    int map_;
    std::vector<uint8_t> cursor_;
    std::vector<weir_tuple> keys_;  // of the rows of a step
    std::vector<weir_translation> rows_;
    bool begun_ = false;
    uint64_t counting_ = 0, used_ = 0;
};

/// Copies every row that is not there yet.
Status copy_rows(int from, int to);

}  // namespace weir::engine::xdp
