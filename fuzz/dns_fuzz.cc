// Any bytes as an answer to a DNS question (proto/dns.h). The first says of which type; the id and the bit
// that makes it an answer are set, so that the records are reached.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "proto/dns.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace weir::proto;
    if (size < 1) return 0;
    auto types = dns_types();
    DnsQuestion question{"example.org", std::string(types[data[0] % types.size()])};

    // A copy of just this size, so that a read behind its end is seen.
    size--;
    auto message = std::make_unique<uint8_t[]>(size);
    std::copy_n(data + 1, size, message.get());
    constexpr uint16_t id = 0x0102;
    if (size > 2) {
        message[0] = id >> 8;
        message[1] = id & 0xff;
        message[2] |= 0x80;
    }
    auto answer = read_dns_answer({message.get(), size}, question, id);
    if (!answer) {
        require(!answer.error().message.empty());
        return 0;
    }
    require(answer->truncated == answer->rcode.empty());
    require(!answer->truncated || answer->records.empty());
    require(answer->records.size() <= size / 11);  // the least that a record takes
    require(answer->records.empty() || (answer->final && answer->ttl));
    require(!answer->ttl || *answer->ttl <= INT32_MAX);
    return 0;
}
