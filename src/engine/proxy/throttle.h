// Who waits for bytes that a rate allows, in one direction through one front. First come, first served, in
// small slices: connections that have much to carry get equal shares.
#pragma once

#include <deque>
#include <functional>

#include "engine/proxy/budget.h"
#include "engine/proxy/loop.h"

namespace weir::engine::proxy {

class Relay;

class Throttle {
  public:
    static constexpr size_t kSlice = 16384;  // bytes at a time

    struct Calls {
        std::function<Rate&(Relay&)> rate;            // whose bytes it waits for
        std::function<void(Relay&, size_t)> granted;  // it is its turn, with so many; it may line up again
    };
    Throttle(Loop& loop, Calls calls)
        : loop_(loop), calls_(std::move(calls)), alarm_(loop, [this] { serve(); }) {}

    /// Bytes that it may carry now; 0: it is in the line, or was already.
    size_t take(Relay& relay, Rate& rate, size_t wanted);
    /// Behind the others.
    void line_up(Relay& relay);
    /// Out of the line, if it is there.
    void leave(Relay& relay);

    size_t waiting() const { return line_.size(); }

  private:
    void serve();
    void set_alarm();

    Loop& loop_;
    Calls calls_;
    std::deque<Relay*> line_;
    Alarm alarm_;
};

}  // namespace weir::engine::proxy
