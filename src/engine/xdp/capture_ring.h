// The capturing program's end in the daemon: what it is to capture, and the ring by which it tells.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "engine/capture.h"
#include "engine/xdp/capture_abi.h"
#include "engine/xdp/datapath.h"

struct ring_buffer;

namespace weir::engine::xdp {

class CaptureRing {
  public:
    using Sink = std::function<void(const weir_captured&)>;

    /// The datapath outlives it. Nothing is captured until its capturing program is in force.
    static Result<std::unique_ptr<CaptureRing>> open(const Datapath& datapath, const CaptureFilter& filter,
                                                     Sink sink);

    /// The frontends of the filter's service in one generation, by number.
    Status choose(uint32_t half, std::span<const uint32_t> frontends);

    /// Hands over what has come.
    void read();

    uint64_t lost() const { return programs_.capture().lost; }
    int program() const { return programs_.program(); }

  private:
    CaptureRing(const Programs& programs, Sink sink) : programs_(programs), sink_(std::move(sink)) {}
    struct Free {
        void operator()(ring_buffer* ring) const;
    };

    const Programs& programs_;
    Sink sink_;
    std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace weir::engine::xdp
