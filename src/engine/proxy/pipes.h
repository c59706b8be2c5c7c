// Pipes that bulk goes through without being copied (splice). One pool for each worker: to make a pipe and to
// size it costs more than to carry through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"

namespace weir::engine::proxy {

struct Pipe {
    UniqueFd out;     // to read from
    UniqueFd in;      // to write to
    size_t size = 0;  // in bytes, if its pages are filled
};

class Pipes {
  public:
    /// Of those that are made from now on; 0: there are none. The kernel may give less: what a process
    /// without privileges may have is bounded (fs.pipe-max-size, fs.pipe-user-pages-soft).
    void set_size(uint32_t bytes);

    /// An empty one. Nothing where as many are out as may hold bytes at a time, or no descriptors are left:
    /// who asks then copies.
    std::unique_ptr<Pipe> take();
    /// Closed, if it is not empty or enough are kept.
    void give_back(std::unique_ptr<Pipe> pipe, bool is_empty);

    size_t out() const { return out_; }
    size_t kept() const { return kept_.size(); }

  private:
    uint32_t size_ = 0;
    size_t out_ = 0;
    std::vector<std::unique_ptr<Pipe>> kept_;
};

}  // namespace weir::engine::proxy
