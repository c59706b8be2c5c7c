// Captures in files. Reading: classic pcap and pcapng, whatever libpcap takes, packet by packet, so a capture
// may be larger than memory. Writing: pcapng (draft-ietf-opsawg-pcapng) with a comment on each packet, which
// libpcap cannot write. Ethernet frames only. An object belongs to one thread.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/pcapng.h"

struct pcap;

namespace weir::net {

class CaptureReader {
  public:
    /// `-` is standard input. A file of another link type than Ethernet is refused.
    static Result<CaptureReader> open(const std::string& path);

    /// Nothing at the end. The packet's bytes are good until the next call. After an error there is no next
    /// packet.
    Result<std::optional<CapturedPacket>> next();

  private:
    struct Close {
        void operator()(pcap* capture) const;
    };
    CaptureReader(std::string path, std::unique_ptr<pcap, Close> capture)
        : path_(std::move(path)), capture_(std::move(capture)) {}

    std::string path_;
    std::unique_ptr<pcap, Close> capture_;
    uint64_t packets_ = 0;
};

class CaptureWriter {
  public:
    /// Replaces the file; `-` is standard output. `interfaces` are the names that the packets' interface
    /// numbers stand for.
    static Result<CaptureWriter> create(const std::string& path, const std::vector<std::string>& interfaces);

    /// The packet lands in a buffer. `interface` counts from 0 in create()'s list; no comment is written
    /// where it is empty.
    Status write(const CapturedPacket& packet, std::string_view comment = {}, uint32_t interface = 0);

    /// Hands the buffer to the system. What was not flushed at the end is written by the destructor, which
    /// cannot report failure.
    Status flush();

  private:
    struct Close {
        void operator()(std::FILE* file) const;
    };
    CaptureWriter(std::string path, std::unique_ptr<std::FILE, Close> file, size_t interfaces)
        : path_(std::move(path)), file_(std::move(file)), interfaces_(interfaces) {}
    Status put(std::span<const uint8_t> block);

    std::string path_;
    std::unique_ptr<std::FILE, Close> file_;
    size_t interfaces_;
};

}  // namespace weir::net
