#include "net/pcapng.h"

#include <array>

namespace weir::net::pcapng {
namespace {

constexpr size_t kLongestPacket = 262144;  // what libpcap and Wireshark take of an Ethernet frame
constexpr size_t kLongestOption = 65535;
constexpr uint16_t kEthernet = 1;  // LINKTYPE_ETHERNET

// Block types and option codes.
constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr uint32_t kInterfaceDescription = 1;
constexpr uint32_t kInterfaceStatistics = 5;
constexpr uint32_t kEnhancedPacket = 6;
constexpr uint16_t kComment = 1;
constexpr uint16_t kSectionApplication = 4;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceResolution = 9;
constexpr uint16_t kReceived = 4;
constexpr uint16_t kDropped = 5;

/// One block. Both lengths around its body are filled in by finish().
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
    void put_time(std::chrono::sys_time<std::chrono::nanoseconds> time) {
        const auto since_epoch = static_cast<uint64_t>(time.time_since_epoch().count());
        put32(static_cast<uint32_t>(since_epoch >> 32));
        put32(static_cast<uint32_t>(since_epoch));
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
    void option(uint16_t code, uint64_t value) {
        put16(code);
        put16(8);
        put32(static_cast<uint32_t>(value));
        put32(static_cast<uint32_t>(value >> 32));
        has_options_ = true;
    }
    Bytes finish() {
        if (has_options_) put32(0);  // the end of the options
        const auto length = static_cast<uint32_t>(bytes_.size() + 4);
        put32(length);
        for (size_t i = 0; i < 4; i++) bytes_[4 + i] = bytes_[bytes_.size() - 4 + i];
        return std::move(bytes_);
    }

  private:
    Bytes bytes_;
    bool has_options_ = false;
};

}  // namespace

Bytes section() {
    Block block(kSectionHeader);
    block.put32(0x1a2b3c4d);  // tells the byte order
    block.put16(1);           // version 1.0
    block.put16(0);
    block.put32(0xffffffff);  // the section's length is not told
    block.put32(0xffffffff);
    block.option(kSectionApplication, "weir " WEIR_VERSION);
    return block.finish();
}

Result<Bytes> interface(std::string_view name) {
    if (name.size() > kLongestOption) return fail("an interface's name of {} bytes is too long", name.size());
    Block block(kInterfaceDescription);
    block.put16(kEthernet);
    block.put16(0);
    block.put32(0);  // packets are not cut short
    block.option(kInterfaceName, name);
    block.option(kInterfaceResolution, std::array<uint8_t, 1>{9});  // 10^-9 s
    return block.finish();
}

Result<Bytes> packet(const CapturedPacket& packet, std::string_view comment, uint32_t interface) {
    if (packet.bytes.size() > kLongestPacket)
        return fail("a packet of {} bytes is too long, at most {} can be read again", packet.bytes.size(),
                    kLongestPacket);
    if (comment.size() > kLongestOption)
        return fail("a comment of {} bytes is too long, at most {} fit", comment.size(), kLongestOption);
    Block block(kEnhancedPacket);
    block.put32(interface);
    block.put_time(packet.time);
    block.put32(static_cast<uint32_t>(packet.bytes.size()));
    block.put32(packet.original_length);
    block.put_padded(packet.bytes);
    if (!comment.empty()) block.option(kComment, comment);
    return block.finish();
}

Bytes statistics(uint32_t interface, std::chrono::sys_time<std::chrono::nanoseconds> time, uint64_t packets,
                 uint64_t lost, std::string_view comment) {
    Block block(kInterfaceStatistics);
    block.put32(interface);
    block.put_time(time);
    if (!comment.empty()) block.option(kComment, comment.substr(0, kLongestOption));
    block.option(kReceived, packets);
    block.option(kDropped, lost);
    return block.finish();
}

}  // namespace weir::net::pcapng
