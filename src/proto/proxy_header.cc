#include "proto/proxy_header.h"

#include <algorithm>
#include <array>
#include <boost/crc.hpp>
#include <charconv>
#include <string>
#include <string_view>

#include "net/reader.h"
#include "net/writer.h"

namespace weir::proto {
namespace {

using Bytes = std::span<const uint8_t>;
using net::Family;

constexpr size_t kLongestLine = 107;  // its end included
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixed = 16;  // of version 2, what stands before the addresses
constexpr uint8_t kLocal = 0x20;
constexpr uint8_t kProxied = 0x21;
constexpr uint8_t kCrc32c = 0x03;
constexpr uint8_t kMapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // ::ffff:0:0/96

net::Ip as_v6(const net::Ip& ip) {
    if (!ip.is_v4()) return ip;
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(kMapped, bytes.begin());
    std::ranges::copy(ip.bytes(), bytes.begin() + 12);
    return net::Ip::v6(bytes);
}

net::Ip ip_of(Bytes bytes) {
    const bool is_mapped = bytes.size() == 16 && std::ranges::equal(bytes.first(12), kMapped);
    if (is_mapped) bytes = bytes.last(4);
    std::array<uint8_t, 16> sixteen{};
    std::ranges::copy(bytes, sixteen.begin());
    if (bytes.size() == 4) return net::Ip::v4({sixteen[0], sixteen[1], sixteen[2], sixteen[3]});
    return net::Ip::v6(sixteen);
}

/// Both of one family, as neither version knows another.
ProxyEnds as_one_family(const ProxyEnds& ends) {
    if (ends.source.address.family() == ends.destination.address.family()) return ends;
    return {{as_v6(ends.source.address), ends.source.port},
            {as_v6(ends.destination.address), ends.destination.port}};
}

/// The specification has IPv6 in hexadecimal alone, so no dots as in ::ffff:192.0.2.1.
std::string line_text(const net::Ip& ip) {
    auto text = ip.text();
    if (ip.is_v4() || !text.contains('.')) return text;
    text.resize(text.rfind(':') + 1);
    auto last = ip.bytes().last(4);
    return text + fmt::format("{:x}:{:x}", last[0] << 8 | last[1], last[2] << 8 | last[3]);
}

bool may_begin_with(Bytes bytes, std::string_view beginning) {
    return std::ranges::equal(bytes.first(std::min(bytes.size(), beginning.size())),
                              beginning.substr(0, bytes.size()),
                              [](uint8_t byte, char c) { return byte == static_cast<uint8_t>(c); });
}

bool begins_with(Bytes bytes, std::string_view beginning) {
    return bytes.size() >= beginning.size() && may_begin_with(bytes, beginning);
}

/// What stands before the next space, which goes with it.
std::string_view next_word(std::string_view& line) {
    auto end = std::min(line.find(' '), line.size());
    auto word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

Result<net::Ip> read_address(std::string_view word, Family family) {
    auto ip = net::Ip::parse(word);
    if (!ip || ip->family() != family)
        return fail("a PROXY line whose address '{}' is not of its family", word);
    return ip_of(ip->bytes());
}

Result<net::Port> read_port(std::string_view word) {
    uint16_t port = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    const bool has_zeros = word.size() > 1 && word.front() == '0';
    if (error != std::errc{} || end != word.data() + word.size() || has_zeros)
        return fail("a PROXY line whose port '{}' is not a number up to 65535", word);
    return net::Port(port);
}

/// What stands between "PROXY TCP4 ", or "PROXY TCP6 ", and the line's end.
Result<ProxyEnds> read_line_ends(std::string_view line, Family family) {
    if (std::ranges::count(line, ' ') != 3)
        return fail("a PROXY line that has not just two addresses and two ports");
    auto source = read_address(next_word(line), family);
    if (!source) return propagate(source);
    auto destination = read_address(next_word(line), family);
    if (!destination) return propagate(destination);
    auto source_port = read_port(next_word(line));
    if (!source_port) return propagate(source_port);
    auto destination_port = read_port(line);
    if (!destination_port) return propagate(destination_port);
    return ProxyEnds{{*source, *source_port}, {*destination, *destination_port}};
}

Result<std::optional<ProxyHeader>> read_v1(Bytes bytes) {
    bytes = bytes.first(std::min(bytes.size(), kLongestLine));
    auto feed = std::ranges::find(bytes, '\n');
    if (feed == bytes.end()) {
        if (bytes.size() < kLongestLine) return std::nullopt;
        return fail("a PROXY line that does not end within {} bytes", kLongestLine);
    }
    const auto size = static_cast<size_t>(feed - bytes.begin()) + 1;
    if (bytes[size - 2] != '\r') return fail("a PROXY line that ends without a carriage return");
    if (begins_with(bytes, "PROXY UNKNOWN")) return ProxyHeader{.size = size, .ends = std::nullopt};

    constexpr std::string_view kStart = "PROXY TCP4 ";
    const std::string_view line(reinterpret_cast<const char*>(bytes.data()), size - 2);
    auto ends = read_line_ends(line.substr(kStart.size()), line[9] == '4' ? Family::v4 : Family::v6);
    if (!ends) return propagate(ends);
    return ProxyHeader{.size = size, .ends = *ends};
}

uint32_t crc32c(Bytes bytes) {
    boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true> crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

/// The checksum is of the whole header, with zeros in its own place.
Status check_sum(Bytes header, Bytes sum) {
    if (sum.size() != 4) return fail("a PROXY header with a checksum of another size than 4 bytes");
    std::vector<uint8_t> copy(header.begin(), header.end());
    std::fill_n(copy.begin() + (sum.data() - header.data()), sum.size(), uint8_t{0});
    if (crc32c(copy) != net::Reader(sum).u32()) return fail("a PROXY header with a wrong checksum");
    return {};
}

/// The values behind the addresses: whole ones, and a checksum that is right.
Status check_values(Bytes header, Bytes values) {
    net::Reader reader(values);
    while (reader.left() > 0) {
        const auto type = reader.u8();
        auto value = reader.take(reader.u16());
        if (reader.failed()) return fail("a PROXY header with a value that is cut off");
        if (type != kCrc32c) continue;
        if (auto right = check_sum(header, value); !right) return right;
    }
    return {};
}

size_t addresses_size(uint8_t family) {
    constexpr size_t kSizes[] = {0, 12, 36, 216};  // two addresses, and of IP two ports
    return kSizes[family];
}

/// The bytes that say what follows, as far as they are there.
Status check_fixed(Bytes bytes) {
    net::Reader reader(bytes);
    reader.take(kSignature.size());
    const auto command = reader.u8();
    if (reader.failed()) return {};
    if (command >> 4 != 2) return fail("a PROXY header of version {}; 1 and 2 are known", command >> 4);
    if (command != kLocal && command != kProxied)
        return fail("a PROXY header with the command {}", command & 0xf);
    const auto kind = reader.u8();
    const bool is_known = command == kLocal || (kind >> 4 <= 3 && (kind & 0xf) <= 2);
    if (!is_known) return fail("a PROXY header of the family {} and protocol {}", kind >> 4, kind & 0xf);
    const auto rest = reader.u16();
    if (reader.failed()) return {};
    if (kFixed + rest > kMostProxyHeader)
        return fail("a PROXY header of {} bytes; at most {} are read", kFixed + rest, kMostProxyHeader);
    if (command == kProxied && (kind & 0xf) != 0 && rest < addresses_size(kind >> 4))
        return fail("a PROXY header of {} bytes, too few for its addresses", kFixed + rest);
    return {};
}

Result<std::optional<ProxyHeader>> read_v2(Bytes bytes) {
    if (auto good = check_fixed(bytes); !good) return propagate(good);
    if (bytes.size() < kFixed) return std::nullopt;
    const size_t size = kFixed + net::Reader(bytes.subspan(14)).u16();
    if (bytes.size() < size) return std::nullopt;

    const bool is_local = bytes[12] == kLocal;
    const auto family = static_cast<uint8_t>(bytes[13] >> 4);
    const bool has_ends = !is_local && (bytes[13] & 0xf) != 0 && (family == 1 || family == 2);
    ProxyHeader header{.size = size, .ends = std::nullopt, .is_local = is_local};
    if (!has_ends) return header;

    net::Reader reader(bytes.first(size).subspan(kFixed));
    const size_t width = family == 1 ? 4 : 16;
    auto source = reader.take(width);
    auto destination = reader.take(width);
    const net::Port source_port(reader.u16());
    const net::Port destination_port(reader.u16());
    if (auto good = check_values(bytes.first(size), reader.rest()); !good) return propagate(good);
    header.ends = {{ip_of(source), source_port}, {ip_of(destination), destination_port}};
    return header;
}

}  // namespace

std::vector<uint8_t> write_proxy_v1(const ProxyEnds& ends) {
    auto [source, destination] = as_one_family(ends);
    auto line =
        fmt::format("PROXY TCP{} {} {} {} {}\r\n", source.address.is_v4() ? 4 : 6, line_text(source.address),
                    line_text(destination.address), source.port.value(), destination.port.value());
    return {line.begin(), line.end()};
}

std::vector<uint8_t> write_proxy_v2(const ProxyEnds& ends, ProxyTransport transport) {
    auto [source, destination] = as_one_family(ends);
    const bool is_v4 = source.address.is_v4();
    const unsigned family = is_v4 ? 1 : 2;
    net::Writer writer;
    for (char c : kSignature) writer.u8(static_cast<uint8_t>(c));
    writer.u8(kProxied).u8(family << 4 | (transport == ProxyTransport::stream ? 1 : 2));
    writer.u16(static_cast<unsigned>(addresses_size(static_cast<uint8_t>(family))));
    writer.bytes(source.address.bytes()).bytes(destination.address.bytes());
    writer.u16(source.port.value()).u16(destination.port.value());
    return writer.take();
}

Result<std::optional<ProxyHeader>> read_proxy_header(Bytes bytes) {
    if (may_begin_with(bytes, kSignature)) return read_v2(bytes);
    for (auto beginning : {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN ", "PROXY UNKNOWN\r\n"})
        if (may_begin_with(bytes, beginning)) return read_v1(bytes);
    return fail("no PROXY header; does the sender speak the PROXY protocol?");
}

}  // namespace weir::proto
