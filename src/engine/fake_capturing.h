// Captures without a network, for tests of what stands above engines.
#pragma once

#include <utility>

#include "engine/capture.h"

namespace weir::engine {

class FakeCapturing final : public Capturing {
  public:
    Status start_capture(const CaptureFilter& wanted, Sink to) override {
        if (refuse_next) return std::unexpected(*std::exchange(refuse_next, std::nullopt));
        filter = wanted;
        sink = std::move(to);
        return {};
    }
    uint64_t stop_capture() override {
        sink = nullptr;
        return lost;
    }

    std::optional<CaptureFilter> filter;  // of the last that was started
    Sink sink;                            // empty while none runs
    uint64_t lost = 0;
    std::optional<Error> refuse_next;
};

}  // namespace weir::engine
