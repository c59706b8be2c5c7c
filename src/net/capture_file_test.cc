#include "net/capture_file.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>

#include "base/unique_fd.h"
#include "net/packet.h"

namespace weir::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::SizeIs;
using Bytes = std::vector<uint8_t>;
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// A file in memory.
class Scratch {
  public:
    explicit Scratch(std::span<const uint8_t> bytes = {}) : memory_(memfd_create("capture", MFD_CLOEXEC)) {
        EXPECT_EQ(::write(memory_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    std::string path() const { return fmt::format("/proc/self/fd/{}", memory_.get()); }
    Bytes read() const {
        Bytes bytes(static_cast<size_t>(::lseek(memory_.get(), 0, SEEK_END)));
        EXPECT_EQ(::pread(memory_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
        return bytes;
    }

  private:
    UniqueFd memory_;
};

/// Numbers in the byte order of the machine that captured.
struct File {
    std::endian order = std::endian::little;
    Bytes bytes{};

    File& put(uint64_t value, unsigned size) {
        for (unsigned i = 0; i < size; i++)
            bytes.push_back(
                static_cast<uint8_t>(value >> 8 * (order == std::endian::little ? i : size - 1 - i)));
        return *this;
    }
    File& put16(uint16_t value) { return put(value, 2); }
    File& put32(uint32_t value) { return put(value, 4); }
    File& append(std::span<const uint8_t> more) {
        bytes.insert(bytes.end(), more.begin(), more.end());
        return *this;
    }
    /// Of pcapng; `body` is a multiple of 4 bytes long.
    File& block(uint32_t type, const File& body) {
        const auto length = static_cast<uint32_t>(body.bytes.size() + 12);
        return put32(type).put32(length).append(body.bytes).put32(length);
    }
    File& section() {
        return block(0x0a0d0d0a, File{order}.put32(0x1a2b3c4d).put16(1).put16(0).put(~uint64_t{0}, 8));
    }
    /// `resolution` as if_tsresol has it.
    File& interface(uint8_t resolution = 6, uint16_t link = 1) {
        File body = File{order}.put16(link).put16(0).put32(0);
        body.put16(9).put16(1).append(Bytes{resolution, 0, 0, 0}).put32(0);
        return block(1, body);
    }
    File& enhanced(uint64_t time, std::span<const uint8_t> packet, uint32_t number = 0) {
        File body = File{order}
                        .put32(number)
                        .put32(static_cast<uint32_t>(time >> 32))
                        .put32(static_cast<uint32_t>(time));
        const auto length = static_cast<uint32_t>(packet.size());
        return block(6, body.put32(length).put32(length).append(packet));
    }
};

File classic(std::endian order, uint32_t magic, uint32_t link = 1) {
    return File{order}.put32(magic).put16(2).put16(4).put32(0).put32(0).put32(65535).put32(link);
}

Bytes frame(size_t length) {
    Bytes bytes(length);
    std::ranges::generate(bytes, [next = uint8_t{1}]() mutable { return next++; });
    return bytes;
}

struct Read {
    Bytes bytes;
    uint32_t original_length;
    Time time;

    bool operator==(const Read&) const = default;
};

struct Outcome {
    std::vector<Read> packets;
    std::string error;  // of opening or of the last packet
};

Outcome read_all(const std::string& path) {
    Outcome outcome;
    auto reader = CaptureReader::open(path);
    if (!reader) return {{}, reader.error().message};
    for (;;) {
        auto packet = reader->next();
        if (!packet) {
            outcome.error = packet.error().message;
            return outcome;
        }
        if (!*packet) return outcome;
        const CapturedPacket& found = **packet;
        outcome.packets.push_back(
            {{found.bytes.begin(), found.bytes.end()}, found.original_length, found.time});
    }
}

Outcome read_all(const File& file) {
    return read_all(Scratch(file.bytes).path());
}

constexpr Time kTime{1'700'000'000s + 123'456'789ns};
constexpr Time kMicroseconds{1'700'000'000s + 123'456'000ns};

TEST(CaptureReader, ReadsClassicFilesOfBothByteOrdersAndResolutions) {
    const Bytes packet = frame(60);
    for (const std::endian order : {std::endian::little, std::endian::big}) {
        for (const auto& [magic, fraction, time] : {std::tuple{0xa1b2c3d4u, 123'456u, kMicroseconds},
                                                    std::tuple{0xa1b23c4du, 123'456'789u, kTime}}) {
            File file = classic(order, magic);
            file.put32(1'700'000'000).put32(fraction).put32(60).put32(1514).append(packet);
            file.put32(1'700'000'000).put32(fraction).put32(0).put32(0);
            const Outcome outcome = read_all(file);
            EXPECT_EQ(outcome.error, "");
            EXPECT_THAT(outcome.packets, ElementsAre(Read{packet, 1514, time}, Read{{}, 0, time}));
        }
    }
}

TEST(CaptureReader, ReadsEveryKindOfPacketBlockAndSkipsOtherBlocks) {
    const Bytes packet = frame(8);
    for (const std::endian order : {std::endian::little, std::endian::big}) {
        File file{order};
        file.section().interface(9).block(0x0bad, File{order}.put32(7));
        file.enhanced(static_cast<uint64_t>(kTime.time_since_epoch().count()), packet);
        file.block(3, File{order}.put32(8).append(packet));  // simple: it has no time
        const auto time = static_cast<uint64_t>(kTime.time_since_epoch().count());
        File obsolete = File{order}.put16(0).put16(0).put32(static_cast<uint32_t>(time >> 32));
        file.block(2, obsolete.put32(static_cast<uint32_t>(time)).put32(8).put32(9).append(packet));
        const Outcome outcome = read_all(file);
        EXPECT_EQ(outcome.error, "");
        EXPECT_THAT(outcome.packets,
                    ElementsAre(Read{packet, 8, kTime}, Read{packet, 8, Time{}}, Read{packet, 9, kTime}));
    }
}

TEST(CaptureReader, CountsTimeAsEachInterfaceDoes) {
    File file;
    file.section().interface(6).interface(0).interface(0x80 | 2);
    file.enhanced(1'500'000, frame(4), 0).enhanced(2, frame(4), 1).enhanced(11, frame(4), 2);
    std::vector<Time> times;
    for (const Read& read : read_all(file).packets) times.push_back(read.time);
    EXPECT_THAT(times, ElementsAre(Time{1500ms}, Time{2s}, Time{2750ms}));
}

TEST(CaptureReader, ReadsSectionAfterSection) {
    File file;
    file.section()
        .interface(6)
        .enhanced(1'000'000, frame(4))
        .section()
        .interface(3)
        .enhanced(2'000, frame(12));
    EXPECT_THAT(read_all(file).packets,
                ElementsAre(Read{frame(4), 4, Time{1s}}, Read{frame(12), 12, Time{2s}}));
}

TEST(CaptureReader, RefusesOtherLinkTypesByName) {
    EXPECT_THAT(read_all(classic(std::endian::little, 0xa1b2c3d4, 101)).error, HasSubstr("RAW"));
    EXPECT_THAT(read_all(classic(std::endian::little, 0xa1b2c3d4, 113)).error, HasSubstr("only Ethernet"));
    EXPECT_THAT(read_all(File{}.section().interface(6, 228)).error, HasSubstr("IPV4"));
    File mixed;
    mixed.section().interface(6).enhanced(1, frame(4)).interface(6, 229).enhanced(2, frame(4), 1);
    EXPECT_THAT(read_all(mixed).packets, SizeIs(1));
    EXPECT_NE(read_all(mixed).error, "");
}

TEST(CaptureReader, SaysWhyThereIsNothingToRead) {
    EXPECT_EQ(read_all("/nowhere/x.pcap").error, "cannot open /nowhere/x.pcap: No such file or directory");
    EXPECT_THAT(read_all(File{}).error, HasSubstr("is not a capture"));
    EXPECT_THAT(read_all(File{}.append(Bytes(64, 'x'))).error, HasSubstr("is not a capture"));
    EXPECT_THAT(read_all("/").error, HasSubstr("/ is not a capture"));
}

TEST(CaptureReader, AFileThatEndsTooEarlyIsAnErrorWithThePacketsBefore) {
    File pcap = classic(std::endian::little, 0xa1b2c3d4);
    File pcapng = File{}.section().interface();
    std::vector<std::pair<size_t, size_t>> ends{{pcap.bytes.size(), pcapng.bytes.size()}};
    for (int i = 0; i < 2; i++) {
        pcap.put32(1).put32(1).put32(20).put32(20).append(frame(20));
        pcapng.enhanced(1, frame(20));
        ends.emplace_back(pcap.bytes.size(), pcapng.bytes.size());
    }
    const auto cut_everywhere = [](const Bytes& whole, auto end) {
        for (size_t length = 0; length < whole.size(); length++) {
            const Outcome outcome =
                read_all(File{.bytes = {whole.begin(), whole.begin() + static_cast<long>(length)}});
            const size_t packets = length >= end(1) ? 1 : 0;
            EXPECT_THAT(outcome.packets, SizeIs(packets)) << length;
            EXPECT_EQ(outcome.error.empty(), length == end(0) || length == end(1))
                << length << ": " << outcome.error;
        }
    };
    cut_everywhere(pcap.bytes, [&](size_t i) { return ends[i].first; });
    cut_everywhere(pcapng.bytes, [&](size_t i) { return ends[i].second; });
}

TEST(CaptureReader, BelievesNoLengthThatAFileClaims) {
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    for (const uint32_t length : {0x7fffffffu, 0xffffffffu, 0x20000000u}) {
        File pcap = classic(std::endian::little, 0xa1b2c3d4).put32(1).put32(1).put32(length).put32(length);
        EXPECT_THAT(read_all(pcap.append(frame(100))).error, HasSubstr("packet 1: "));
        File block = File{}.section().interface().put32(6).put32(length & ~3u).append(frame(100));
        EXPECT_THAT(read_all(block).error, HasSubstr("packet 1: "));
        File body = File{}.put32(0).put32(0).put32(1).put32(length).put32(length).append(frame(100));
        EXPECT_THAT(read_all(File{}.section().interface().block(6, body)).error, HasSubstr("packet 1: "));
    }
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100 << 10) << "KiB";
}

TEST(CaptureReader, RefusesTimesThatNoClockCanShow) {
    EXPECT_THAT(read_all(File{}.section().interface(0).enhanced(1ull << 40, frame(4))).error,
                HasSubstr("out of range"));
    EXPECT_NE(read_all(File{}.section().interface(0x80 | 127).enhanced(1, frame(4))).error, "");
}

CapturedPacket packet_of(std::span<const uint8_t> bytes, uint32_t original_length) {
    return {bytes, original_length, kTime};
}

TEST(CaptureWriter, WritesTheseBytes) {
    const Scratch scratch;
    {
        auto writer = CaptureWriter::create(scratch.path(), {"eth0"});
        ASSERT_TRUE(writer) << writer.error().message;
        const Bytes bytes = frame(5);
        const Time time{std::chrono::nanoseconds(0x1122334455667788)};
        ASSERT_TRUE(writer->write({bytes, 1514, time}, "to b"));
    }
    const std::string application = "weir " WEIR_VERSION;
    const auto option = static_cast<uint8_t>(application.size());
    const auto padded = static_cast<uint8_t>((application.size() + 3) / 4 * 4);
    const auto section = static_cast<uint8_t>(28 + 4 + padded + 4);
    Bytes expected{0x0a, 0x0d, 0x0d, 0x0a, section, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0};
    expected.insert(expected.end(), 8, 0xff);
    expected.insert(expected.end(), {4, 0, option, 0});
    expected.insert(expected.end(), application.begin(), application.end());
    expected.resize(expected.size() + padded - option);
    expected.insert(expected.end(), {0, 0, 0, 0, section, 0, 0, 0});
    expected.insert(expected.end(),
                    {1, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 4, 0, 'e', 't', 'h', '0'});
    expected.insert(expected.end(), {9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0});
    expected.insert(expected.end(),
                    {6, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55});
    expected.insert(expected.end(), {5, 0, 0, 0, 0xea, 5, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0});
    expected.insert(expected.end(), {1, 0, 4, 0, 't', 'o', ' ', 'b', 0, 0, 0, 0, 52, 0, 0, 0});
    EXPECT_THAT(scratch.read(), ElementsAreArray(expected));
}

TEST(CaptureWriter, IsReadBackToTheNanosecond) {
    const Scratch scratch;
    const Bytes frame_of_tcp = build_frame({.source = {Ip::v4({198, 51, 100, 7}), Port(40000)},
                                            .destination = {Ip::v4({192, 168, 101, 1}), Port(80)}});
    {
        auto writer = CaptureWriter::create(scratch.path(), {"in", "out"});
        ASSERT_TRUE(writer) << writer.error().message;
        for (size_t length = 0; length <= frame_of_tcp.size(); length++)
            ASSERT_TRUE(writer->write(packet_of(std::span(frame_of_tcp).first(length), 60),
                                      std::string(length, 'x'), length % 2));
        ASSERT_TRUE(writer->flush());
        EXPECT_THAT(read_all(scratch.path()).packets, SizeIs(frame_of_tcp.size() + 1))
            << "flushed packets can be read at once";
    }
    const Outcome outcome = read_all(scratch.path());
    EXPECT_EQ(outcome.error, "");
    ASSERT_THAT(outcome.packets, SizeIs(frame_of_tcp.size() + 1));
    EXPECT_EQ(outcome.packets.back(), (Read{frame_of_tcp, 60, kTime}));
    for (size_t length = 0; length <= frame_of_tcp.size(); length++)
        EXPECT_THAT(outcome.packets[length].bytes, SizeIs(length));
}

TEST(CaptureWriter, RefusesWhatDoesNotFit) {
    const Scratch scratch;
    auto writer = CaptureWriter::create(scratch.path(), {"eth0"});
    ASSERT_TRUE(writer) << writer.error().message;
    const Bytes longest(262144);
    EXPECT_TRUE(writer->write(packet_of(longest, 262144), std::string(65535, 'x')));
    EXPECT_THAT(writer->write(packet_of(Bytes(262145), 262145)).error().message, HasSubstr("too long"));
    EXPECT_THAT(writer->write(packet_of({}, 0), std::string(65536, 'x')).error().message,
                HasSubstr("too long"));
    EXPECT_THAT(writer->write(packet_of({}, 0), "", 1).error().message, HasSubstr("no interface 1"));
    ASSERT_TRUE(writer->flush());
    EXPECT_THAT(read_all(scratch.path()).packets, ElementsAre(Read{longest, 262144, kTime}));
}

TEST(CaptureWriter, SaysThatADiskIsFull) {
    auto writer = CaptureWriter::create("/dev/full", {"eth0"});
    ASSERT_TRUE(writer) << writer.error().message;
    EXPECT_EQ(writer->flush().error().message, "cannot write /dev/full: No space left on device");
    EXPECT_THAT(CaptureWriter::create("/nowhere/x", {}).error().message,
                HasSubstr("cannot create /nowhere/x"));
}

}  // namespace
}  // namespace weir::net
