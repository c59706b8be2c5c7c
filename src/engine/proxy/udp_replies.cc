#include "engine/proxy/udp_replies.h"

#include <cerrno>

namespace weir::engine::proxy {

void UdpReplies::use(int listener, Shared& shared) {
    if (listener != listener_) flush();
    listener_ = listener;
    shared_ = &shared;
}

std::expected<size_t, int> UdpReplies::receive(int backend) {
    if (used_ + kAtOnce > kUdpBatch) flush();
    first_ = used_;
    auto count = inbox_.receive(backend, first_, kAtOnce);
    if (count) used_ += *count;
    return count;
}

/// A client that cannot be reached misses its answers; the others do not.
void UdpReplies::flush() {
    while (const int error = outbox_.send(listener_)) {
        if (is_lack_of_room(error)) {
            shared_->count(Reason::buffers_full, outbox_.left().datagrams);
            outbox_.clear();
            break;
        }
        outbox_.skip();
    }
    outbox_.clear();
    used_ = 0;
}

void UdpReplies::leave(int listener) {
    if (listener == listener_) flush();
}

std::shared_ptr<UdpBuffers> udp_buffers_of_this_thread() {
    static thread_local std::weak_ptr<UdpBuffers> buffers;
    auto shared = buffers.lock();
    if (!shared) buffers = shared = std::make_shared<UdpBuffers>();
    return shared;
}

bool is_lack_of_room(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

}  // namespace weir::engine::proxy
