#include "net/capture_file.h"

#include <pcap/pcap.h>

#include <array>
#include <limits>

namespace weir::net {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

constexpr const char* kStandard = "-";

std::string shown(const std::string& path, const char* standard) {
    return path == kStandard ? standard : path;
}

/// libpcap's tv_usec holds nanoseconds here. Files can name times that no clock can.
std::optional<CapturedPacket> packet_of(const pcap_pkthdr& header, const uint8_t* bytes) {
    constexpr auto kLatest = std::numeric_limits<int64_t>::max() / 1'000'000'000 - 1;
    if (header.ts.tv_sec > kLatest || header.ts.tv_sec < -kLatest) return std::nullopt;
    const Nanoseconds since_epoch = std::chrono::seconds(header.ts.tv_sec) + Nanoseconds(header.ts.tv_usec);
    return CapturedPacket{std::span(bytes, header.caplen), header.len,
                          std::chrono::sys_time<Nanoseconds>(since_epoch)};
}

}  // namespace

void CaptureReader::Close::operator()(pcap* capture) const {
    pcap_close(capture);
}

Result<CaptureReader> CaptureReader::open(const std::string& path) {
    const std::string name = shown(path, "standard input");
    std::FILE* file = path == kStandard ? stdin : std::fopen(path.c_str(), "rbe");
    if (!file) return fail_with(errno, "cannot open {}", name);
    std::array<char, PCAP_ERRBUF_SIZE> why{};
    std::unique_ptr<pcap, Close> capture(
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why.data()));
    if (!capture) {
        if (file != stdin) std::fclose(file);
        return fail("{} is not a capture that can be read, pcap or pcapng: {}", name, why.data());
    }
    if (const int type = pcap_datalink(capture.get()); type != DLT_EN10MB) {
        const char* text = pcap_datalink_val_to_name(type);
        return fail(
            "{} holds frames of link type {} ({}), only Ethernet (EN10MB) can be read; capture on an "
            "Ethernet interface",
            name, type, text ? text : "unknown");
    }
    return CaptureReader(name, std::move(capture));
}

Result<std::optional<CapturedPacket>> CaptureReader::next() {
    pcap_pkthdr* header = nullptr;
    const uint8_t* bytes = nullptr;
    const int got = pcap_next_ex(capture_.get(), &header, &bytes);
    if (got == PCAP_ERROR_BREAK) return std::nullopt;
    packets_++;
    if (got != 1) return fail("{}: packet {}: {}", path_, packets_, pcap_geterr(capture_.get()));
    auto packet = packet_of(*header, bytes);
    if (!packet) return fail("{}: packet {}: its time is out of range", path_, packets_);
    return packet;
}

void CaptureWriter::Close::operator()(std::FILE* file) const {
    if (file == stdout)
        std::fflush(file);
    else
        std::fclose(file);
}

Result<CaptureWriter> CaptureWriter::create(const std::string& path,
                                            const std::vector<std::string>& interfaces) {
    const std::string name = shown(path, "standard output");
    std::unique_ptr<std::FILE, Close> file(path == kStandard ? stdout : std::fopen(path.c_str(), "wbe"));
    if (!file) return fail_with(errno, "cannot create {}", name);
    CaptureWriter writer(name, std::move(file), interfaces.size());
    if (auto written = writer.put(pcapng::section()); !written) return propagate(written);
    for (const std::string& interface : interfaces) {
        auto block = pcapng::interface(interface);
        if (!block) return propagate(block);
        if (auto written = writer.put(*block); !written) return propagate(written);
    }
    return writer;
}

Status CaptureWriter::write(const CapturedPacket& packet, std::string_view comment, uint32_t interface) {
    if (interface >= interfaces_)
        return fail("{}: there is no interface {}, only {}", path_, interface, interfaces_);
    auto block = pcapng::packet(packet, comment, interface);
    if (!block) return propagate(block, path_);
    return put(*block);
}

Status CaptureWriter::flush() {
    if (std::fflush(file_.get())) return fail_with(errno, "cannot write {}", path_);
    return {};
}

Status CaptureWriter::put(std::span<const uint8_t> block) {
    if (std::fwrite(block.data(), 1, block.size(), file_.get()) != block.size())
        return fail_with(errno, "cannot write {}", path_);
    return {};
}

}  // namespace weir::net
