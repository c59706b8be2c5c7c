// The ground on which the probes' way is tested packet by packet: its two programs, run by the kernel itself.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "detour.skel.h"
#include "engine/xdp/detour_abi.h"
#include "net/ip.h"

namespace weir {

struct Addresses {
    const char* name;
    const char* own;  // the balancer's, towards the backend's own address
    const char* backend;
    const char* source;  // the balancer's, on the wire
    const char* vip;
};
inline constexpr Addresses kAddresses[] = {
    {"v4ToV4", "10.1.10.100", "10.1.10.10", "10.1.10.100", "192.168.101.1"},
    {"v6ToV6", "2001:db8:1::100", "2001:db8:1::10", "2001:db8:1::100", "2001:db8::1"},
    {"v4ToV6", "10.1.10.100", "10.1.10.10", "2001:db8:1::100", "2001:db8::1"},
    {"v6ToV4", "2001:db8:1::100", "2001:db8:1::10", "10.1.10.100", "192.168.101.1"}};

inline constexpr uint16_t kProbePort = 40001;
inline constexpr uint16_t kServicePort = 80;
inline constexpr int kLoopback = 1;  // by which the kernel runs a packet
inline const net::Mac kOurs = *net::Mac::parse("02:00:00:00:00:01");
inline const net::Mac kTheirs = *net::Mac::parse("02:00:00:00:00:02");

class DetourPackets : public testing::Test {
  protected:
    using Bytes = std::vector<uint8_t>;
    struct Ran {
        int verdict;
        Bytes frame;

        bool operator==(const Ran&) const = default;
    };

    void SetUp() override;
    void TearDown() override { remove_rows(); }

    /// The way of a probe by that protocol (ICMP for ICMPv6 too), from kProbePort to kServicePort.
    void put_row(const Addresses& addresses, uint8_t protocol, const weir_target& target,
                 uint32_t device = kLoopback, uint16_t port = kProbePort);
    void remove_rows();

    Ran leave(const Bytes& in) { return run(bpf_->progs.detour_out, in); }
    Ran enter(const Bytes& in) { return run(bpf_->progs.detour_in, in); }
    void expect_untouched(const Bytes& in);

    /// From here on packets are run as those whose sum the card took. False where the kernel cannot.
    [[nodiscard]] bool with_cards_sum(const Bytes& in);

    static net::Ip ip(const char* text) { return *net::Ip::parse(text); }

  private:
    struct Destroy {
        void operator()(detour_bpf* bpf) const { detour_bpf__destroy(bpf); }
    };
    int rows() const;
    Ran run(const bpf_program* program, const Bytes& in);

    static inline std::unique_ptr<detour_bpf, Destroy> bpf_;  // loaded once
    uint32_t flags_ = 0;
};

}  // namespace weir
