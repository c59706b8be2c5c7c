// What all relays of one worker share, one after another: a buffer, and pipes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "engine/proxy/pipes.h"

namespace weir::engine::proxy {

struct Workbench {
    /// That of the calling thread, which gets no SIGPIPE from then on. It goes with the last who has it.
    static std::shared_ptr<Workbench> of_this_thread();

    std::array<uint8_t, 65536> buffer;
    Pipes pipes;
};

}  // namespace weir::engine::proxy
