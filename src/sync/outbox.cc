#include "sync/outbox.h"

namespace weir::sync {

void Outbox::set(Keys keys, uint32_t fingerprint, std::vector<net::Endpoint> everybody) {
    keys_ = std::move(keys);
    fingerprint_ = fingerprint;
    everybody_ = std::move(everybody);
}

void Outbox::to_all(Type type, std::span<const uint8_t> body, size_t flows) {
    add({.type = static_cast<uint8_t>(type), .sequence = ++sequence_}, body, everybody_, flows);
}

void Outbox::to_one(Peer& peer, Type type, std::span<const uint8_t> body, size_t flows) {
    add({.type = static_cast<uint8_t>(type), .to = peer.echo, .sequence = ++peer.sent}, body, {peer.endpoint},
        flows);
}

void Outbox::add(Header header, std::span<const uint8_t> body, std::vector<net::Endpoint> to, size_t flows) {
    if (waiting_.size() >= 2 * kRoom) return;  // the kernel has taken nothing for long: lost, as on the way
    header.key = keys_.signing();
    header.fingerprint = fingerprint_;
    header.sender = self_;
    auto bytes = write(header, body);
    keys_.sign(bytes);
    counts_.flows_total += flows;
    waiting_.push_back({std::move(bytes), std::move(to)});
}

void Outbox::flush(Transport& transport) {
    for (size_t sends = 0; !waiting_.empty();) {
        auto& letter = waiting_.front();
        for (; !letter.to.empty(); letter.to.pop_back()) {
            if (sends++ == kBurst) return;
            switch (transport.send(letter.to.back(), letter.bytes)) {
                case Sending::busy:
                    ++counts_.deferred_total;
                    return;
                case Sending::failed:
                    ++counts_.failed_total;
                    break;
                case Sending::done:
                    ++counts_.datagrams_total;
                    counts_.bytes_total += letter.bytes.size();
            }
        }
        waiting_.pop_front();
    }
}

}  // namespace weir::sync
