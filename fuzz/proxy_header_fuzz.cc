// Any bytes as a PROXY header (proto/proxy_header.h), and every beginning of them: what is read does not
// depend on how the bytes came, and what is written of it is read again.
#include <cstdlib>
#include <memory>

#include "proto/proxy_header.h"

namespace {

using namespace weir::proto;

void require(bool holds) {
    if (!holds) std::abort();
}

/// From a copy of just this size, so that a read behind its end is seen.
weir::Result<std::optional<ProxyHeader>> read(std::span<const uint8_t> bytes) {
    auto copy = std::make_unique<uint8_t[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    return read_proxy_header({copy.get(), bytes.size()});
}

void require_same(const ProxyEnds& ends, const std::vector<uint8_t>& written) {
    auto again = read(written);
    require(again && *again && (*again)->size == written.size() && (*again)->ends == ends);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span bytes(data, size);
    auto whole = read(bytes);
    require(whole || !whole.error().message.empty());
    require(size < kMostProxyHeader || !whole || *whole);
    if (!whole || !*whole) return 0;

    const auto& header = **whole;
    require(header.size > 0 && header.size <= size && header.size <= kMostProxyHeader);
    require(!header.is_local || !header.ends);
    for (size_t length : {header.size - 1, header.size / 2, size_t{12}, size_t{1}}) {
        if (length >= header.size) continue;
        auto cut = read(bytes.first(length));
        require(cut && !*cut);
    }
    auto alone = read(bytes.first(header.size));
    require(alone && *alone && (*alone)->size == header.size && (*alone)->ends == header.ends);
    if (!header.ends) return 0;
    require_same(*header.ends, write_proxy_v1(*header.ends));
    require_same(*header.ends, write_proxy_v2(*header.ends, ProxyTransport::stream));
    require_same(*header.ends, write_proxy_v2(*header.ends, ProxyTransport::datagram));
    return 0;
}
