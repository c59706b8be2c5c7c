// The far end of weir's tunnels on a backend: strips outer headers from what comes in by one interface, and
// says what they were. For kernels without tunnel devices, and to catch a sender's mistakes: a packet whose
// outer checksums or lengths are wrong is dropped and counted. It serves every method at once; which one was
// used shows in the counts. What it does and leaves out: lab/bpf/decap.bpf.c.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/host.h"
#include "lab/tc_filter.h"
#include "net/ip.h"

struct decap_bpf;

namespace weir::lab {

struct DecapOptions {
    net::Port fou_port{5555};
    net::Port gue_port{6080};
    /// What a DSCP stands for (L3DSR): at most one VIP of each family.
    std::map<uint8_t, std::vector<net::Ip>> dscp = {};
};

struct DecapCounts {
    uint64_t ipip = 0;  // of any pair of families
    uint64_t gre = 0;
    uint64_t fou = 0;
    uint64_t gue = 0;
    uint64_t dscp = 0;
    uint64_t plain_udp = 0;  // of these: without a UDP checksum, which is none of the bad ones

    uint64_t bad_checksum = 0;  // of the outer IPv4, UDP or GRE header
    uint64_t malformed = 0;     // lengths or protocols that contradict each other
    uint64_t refused = 0;       // the kernel would not strip the headers

    uint64_t good() const { return ipip + gre + fou + gue + dscp; }
    uint64_t bad() const { return bad_checksum + malformed + refused; }
    bool operator==(const DecapCounts&) const = default;
};

/// The outer headers of one good packet.
struct Outer {
    net::Ip source;
    net::Ip destination;
    uint16_t source_port = 0;  // FOU and GUE
    std::optional<uint32_t> gre_key;
    uint32_t flow_label = 0;  // IPv6
    uint8_t tos = 0;          // IPv6: traffic class
    uint8_t ttl = 0;          // IPv6: hop limit
    size_t size = 0;          // of all outer headers together
};

class Decap {
  public:
    /// For what is sent to the addresses that the host has now. They need not be the interface's.
    Decap(Host& host, const std::string& ifname, const DecapOptions& options = {});
    ~Decap();

    DecapCounts counts() const;
    /// Of the last good packets, at most 64, the oldest first.
    std::vector<Outer> last() const;
    /// How many pairs of outer source address and UDP source port were among them: what the packets were
    /// spread by.
    size_t sources() const;

  private:
    void learn_addresses(Host& host);
    void learn_vips(const DecapOptions& options);

    struct Destroy {
        void operator()(decap_bpf* bpf) const;
    };
    std::unique_ptr<decap_bpf, Destroy> bpf_;
    std::optional<TcFilter> filter_;
};

}  // namespace weir::lab
