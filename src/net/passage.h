// The way a probe takes: a socket of its own, and where to connect it so that it reaches the VIP *on* one
// backend, and so that no others' packets reach the socket. An engine makes passages, a check uses them;
// neither knows the other. The way must stand until the connection has ended: whoever takes the socket out
// closes it, by a reset, before the passage goes.
#pragma once

#include <expected>
#include <functional>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/ip.h"

namespace weir::net {

/// What a passage's socket speaks: a connection, datagrams, or echo requests.
enum class Carrier : uint8_t { tcp, udp, icmp };

struct Passage {
    UniqueFd socket;      // non-blocking, with a port of its own, not connected; for echoes a raw one
    Endpoint connect_to;  // not the VIP itself where the datapath translates on the way; for echoes the port
                          // is the identifier that requests must have

    Passage() = default;
    Passage(UniqueFd fd, Endpoint to, std::move_only_function<void()> undo)
        : socket(std::move(fd)), connect_to(to), undo_(std::move(undo)) {}
    Passage(Passage&& other) noexcept { swap(other); }
    Passage& operator=(Passage&& other) noexcept {
        Passage(std::move(other)).swap(*this);
        return *this;
    }
    ~Passage() {
        socket.reset();
        if (undo_) undo_();
    }

  private:
    void swap(Passage& other) noexcept {
        std::swap(socket, other.socket);
        std::swap(connect_to, other.connect_to);
        std::swap(undo_, other.undo_);
    }

    std::move_only_function<void()> undo_;  // takes back what made the way, when the probe is over
};

/// Why there is no passage.
struct NoPassage : Error {
    NoPassage(Error error, bool ours = false) : Error(std::move(error)), is_ours(ours) {}

    bool is_ours;  // this host lacks something (descriptors, memory, ports): it says nothing of the backend
};

using Opened = std::expected<Passage, NoPassage>;

}  // namespace weir::net
