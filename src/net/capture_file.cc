#include "net/capture_file.h"

#include <pcap/pcap.h>

#include <array>
#include <limits>

namespace weir::net {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

constexpr const char* kStandard = "-";
constexpr size_t kLongestPacket = 262144;  // what libpcap and Wireshark take of an Ethernet frame
constexpr size_t kLongestOption = 65535;

// Block types and option codes of pcapng.
constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr uint32_t kInterfaceDescription = 1;
constexpr uint32_t kEnhancedPacket = 6;
constexpr uint16_t kComment = 1;
constexpr uint16_t kSectionApplication = 4;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceResolution = 9;

/// One block, little-endian on every machine. Both lengths around its body are filled in by finish().
class Block {
  public:
    explicit Block(uint32_t type) {
        put32(type);
        put32(0);
    }
    void put16(uint16_t value) {
        bytes_.push_back(static_cast<uint8_t>(value));
        bytes_.push_back(static_cast<uint8_t>(value >> 8));
    }
    void put32(uint32_t value) {
        put16(static_cast<uint16_t>(value));
        put16(static_cast<uint16_t>(value >> 16));
    }
    void put_padded(std::span<const uint8_t> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
    }
    void option(uint16_t code, std::span<const uint8_t> value) {
        put16(code);
        put16(static_cast<uint16_t>(value.size()));
        put_padded(value);
        has_options_ = true;
    }
    void option(uint16_t code, std::string_view text) {
        option(code, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
    }
    std::span<const uint8_t> finish() {
        if (has_options_) put32(0);  // the end of the options
        const auto length = static_cast<uint32_t>(bytes_.size() + 4);
        put32(length);
        for (size_t i = 0; i < 4; i++) bytes_[4 + i] = bytes_[bytes_.size() - 4 + i];
        return bytes_;
    }

  private:
    std::vector<uint8_t> bytes_;
    bool has_options_ = false;
};

Block section_header() {
    Block block(kSectionHeader);
    block.put32(0x1a2b3c4d);  // tells the byte order
    block.put16(1);           // version 1.0
    block.put16(0);
    block.put32(0xffffffff);  // the section's length is not told
    block.put32(0xffffffff);
    block.option(kSectionApplication, "weir " WEIR_VERSION);
    return block;
}

Block interface_description(const std::string& name) {
    Block block(kInterfaceDescription);
    block.put16(DLT_EN10MB);
    block.put16(0);
    block.put32(0);  // packets are not cut short
    block.option(kInterfaceName, name);
    block.option(kInterfaceResolution, std::array<uint8_t, 1>{9});  // 10^-9 s
    return block;
}

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
    if (auto written = writer.put(section_header().finish()); !written) return propagate(written);
    for (const std::string& interface : interfaces) {
        if (interface.size() > kLongestOption)
            return fail("an interface's name of {} bytes is too long", interface.size());
        if (auto written = writer.put(interface_description(interface).finish()); !written)
            return propagate(written);
    }
    return writer;
}

Status CaptureWriter::write(const CapturedPacket& packet, std::string_view comment, uint32_t interface) {
    if (interface >= interfaces_)
        return fail("{}: there is no interface {}, only {}", path_, interface, interfaces_);
    if (packet.bytes.size() > kLongestPacket)
        return fail("{}: a packet of {} bytes is too long, at most {} can be read again", path_,
                    packet.bytes.size(), kLongestPacket);
    if (comment.size() > kLongestOption)
        return fail("{}: a comment of {} bytes is too long, at most {} fit", path_, comment.size(),
                    kLongestOption);
    const auto time = static_cast<uint64_t>(packet.time.time_since_epoch().count());
    Block block(kEnhancedPacket);
    block.put32(interface);
    block.put32(static_cast<uint32_t>(time >> 32));
    block.put32(static_cast<uint32_t>(time));
    block.put32(static_cast<uint32_t>(packet.bytes.size()));
    block.put32(packet.original_length);
    block.put_padded(packet.bytes);
    if (!comment.empty()) block.option(kComment, comment);
    return put(block.finish());
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
