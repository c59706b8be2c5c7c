// One direction of a relay: what can be read at one end is written at the other. Short messages are copied
// through the workbench's buffer, in two system calls; a direction that proves to be bulk is spliced through
// a large pipe, which it holds no longer than there are bytes in it. Nothing is read while something waits to
// be written, so what a direction holds is bounded: a buffer's worth, or a pipe's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/unique_fd.h"
#include "engine/proxy/workbench.h"

namespace weir::engine::proxy {

/// One end of a relay: a socket that does not block, and what is known of it. Watched edge-triggered, so what
/// it was told to be it is until a call has said otherwise.
struct Line {
    UniqueFd fd;
    bool readable = false;
    bool writable = false;
    bool is_ending = false;  // its end has come in: a short read was not the last
};

class Pump {
  public:
    enum class State : uint8_t {
        waits,    // for one of the ends
        stopped,  // has read what it was allowed to
        ended,    // one end has no more to say, and the other has it all
        broken,   // one of the ends is
    };
    struct Progress {
        State state = State::waits;
        size_t read = 0;      // bytes
        size_t written = 0;   // bytes
        uint32_t chunks = 0;  // that were read
    };

    /// Carries until one of the ends has to be waited for, or as many bytes as it may have been read.
    Progress run(Line& from, Line& to, Workbench& bench, size_t allowed);

    /// To be written before all that will be read. Of a pump that holds nothing.
    void put(std::span<const uint8_t> bytes);

    /// Drops what it holds.
    void close(Workbench& bench);

    bool has_ended() const { return at_end_ && held_ == 0; }
    bool is_bulk() const { return bulk_ >= kBulk; }
    size_t held() const { return held_; }

  private:
    static constexpr uint8_t kBulk = 16;

    bool flush(Line& to, Progress& progress);
    bool fill(Line& from, Line& to, Workbench& bench, size_t allowed, Progress& progress);
    bool copy(Line& from, Line& to, Workbench& bench, size_t allowed, Progress& progress);
    bool splice(Line& from, size_t allowed, Progress& progress);
    bool end_or_fail(Line& from, ssize_t got);
    void weigh(size_t got);

    std::unique_ptr<uint8_t[]> kept_;  // what did not fit, or
    std::unique_ptr<Pipe> pipe_;       // this
    uint32_t held_ = 0;                // bytes in either
    uint32_t offset_ = 0;              // of the first of them in `kept_`
    uint8_t bulk_ = 0;                 // so much speaks for it
    uint8_t small_ = 0;                // so many small reads since it is bulk
    bool at_end_ = false;              // nothing more is to be read
};

}  // namespace weir::engine::proxy
