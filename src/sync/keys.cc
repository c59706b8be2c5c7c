#include "sync/keys.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace weir::sync {

Keys::Keys(const std::vector<std::string>& keys) {
    for (const auto& key : keys) {
        Hmac hmac(key);
        // No datagram begins like this.
        const auto id = first_of<uint32_t>(hmac.of("weir key id"));
        keys_.push_back({id, std::move(hmac)});
    }
}

void Keys::sign(Bytes& datagram) const {
    const auto code = keys_.front().hmac.of(datagram);
    datagram.insert(datagram.end(), code.begin(), code.begin() + kCodeSize);
}

bool Keys::knows(uint32_t id) const {
    return std::ranges::find(keys_, id, &Key::id) != keys_.end();
}

bool Keys::is_authentic(const Header& header, std::span<const uint8_t> datagram) const {
    if (datagram.size() < kLeastDatagram) return false;
    const auto signed_part = datagram.first(datagram.size() - kCodeSize);
    return std::ranges::any_of(keys_, [&](const Key& key) {
        if (key.id != header.key) return false;
        const auto code = key.hmac.of(signed_part);
        return CRYPTO_memcmp(code.data(), datagram.last(kCodeSize).data(), kCodeSize) == 0;
    });
}

uint32_t fingerprint_of(uint64_t flow_secret) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(flow_secret >> shift);
    return first_of<uint32_t>(Hmac(bytes).of("weir flow secret"));
}

}  // namespace weir::sync
