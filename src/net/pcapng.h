// Captures as bytes: the blocks of pcapng (draft-ietf-opsawg-pcapng), little-endian on every machine. Pure.
// Who writes: files in capture_file.h, the admin API. A file is a section, its interfaces, then the rest; an
// interface may come at any place before its packets.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::net {

struct CapturedPacket {
    std::span<const uint8_t> bytes;  // the frame without FCS; borrowed
    uint32_t original_length = 0;    // more than bytes.size() where the capture was cut short
    std::chrono::sys_time<std::chrono::nanoseconds> time{};
};

namespace pcapng {

using Bytes = std::vector<uint8_t>;

Bytes section();

/// Of Ethernet frames; they are numbered from 0 in their order.
Result<Bytes> interface(std::string_view name);

/// No comment is written where it is empty.
Result<Bytes> packet(const CapturedPacket& packet, std::string_view comment, uint32_t interface);

/// At the end: how many packets were there, and how many of them were lost.
Bytes statistics(uint32_t interface, std::chrono::sys_time<std::chrono::nanoseconds> time, uint64_t packets,
                 uint64_t lost, std::string_view comment);

}  // namespace pcapng
}  // namespace weir::net
