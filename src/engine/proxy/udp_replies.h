// What backends have answered in one round of a worker, of all its UDP fronts: gathered from many sessions'
// sockets, so that it goes to the clients by one call.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>

#include "engine/proxy/front.h"
#include "engine/proxy/udp_batch.h"

namespace weir::engine::proxy {

class UdpReplies {
  public:
    /// So many messages of one socket at a time.
    static constexpr size_t kAtOnce = 16;

    /// What comes now goes out of this listening socket. What waits for another's is sent first.
    void use(int listener, Shared& shared);
    /// How many messages came, or errno. They are at(0) and so on until the next call.
    std::expected<size_t, int> receive(int backend);
    Arrival at(size_t index) const { return inbox_.at(first_ + index); }
    /// One of these, or a part of it, for the client.
    void add(const Arrival& arrival, const net::Endpoint& client) { outbox_.add(arrival, &client); }
    bool wait() const { return !outbox_.empty(); }
    void flush();
    /// The listening socket is about to be closed.
    void leave(int listener);

  private:
    UdpInbox inbox_;
    UdpOutbox outbox_;
    size_t first_ = 0;
    size_t used_ = 0;
    int listener_ = -1;
    Shared* shared_ = nullptr;
};

/// All UDP fronts of a worker's thread share them, so that an idle front costs no memory.
struct UdpBuffers {
    UdpInbox arrivals;
    UdpOutbox to_backend;
    UdpReplies replies;
};
std::shared_ptr<UdpBuffers> udp_buffers_of_this_thread();

/// Whether an error of sending says that there is no room now, rather than anything about the receiver.
bool is_lack_of_room(int error);

}  // namespace weir::engine::proxy
