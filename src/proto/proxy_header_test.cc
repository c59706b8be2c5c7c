#include "proto/proxy_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::proto {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

net::Endpoint endpoint(const char* ip, uint16_t port) {
    return {net::Ip::parse(ip).value(), net::Port(port)};
}

const ProxyEnds kV4{endpoint("192.0.2.1", 56324), endpoint("198.51.100.7", 443)};
const ProxyEnds kV6{endpoint("2001:db8::1", 56324), endpoint("2001:db8::7", 443)};
const ProxyEnds kMixed{endpoint("192.0.2.1", 56324), endpoint("2001:db8::7", 443)};

Bytes bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// Of version 2, up to the length.
Bytes fixed(uint8_t command, uint8_t kind, size_t length) {
    return bytes_of("\r\n\r\n\0\r\nQUIT\n"s) +
           Bytes{command, kind, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
}

const Bytes kV4Block{192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb};
const Bytes kV6Block{0x20, 1,    0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    1,    0x20, 1,
                     0xd,  0xb8, 0,   0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xdc, 0x04, 0x01, 0xbb};

Bytes v2(uint8_t command, uint8_t kind, const Bytes& block) {
    return fixed(command, kind, block.size()) + block;
}

ProxyHeader header_of(const Bytes& bytes) {
    auto read = read_proxy_header(bytes);
    EXPECT_TRUE(read) << read.error().message;
    EXPECT_TRUE(read && *read) << "more is wanted";
    return read && *read ? **read : ProxyHeader{};
}

std::string failure_of(const Bytes& bytes) {
    auto read = read_proxy_header(bytes);
    if (!read) return read.error().message;
    return *read ? "it was read" : "more is wanted";
}

TEST(ProxyHeader, WritesTheLineOfVersion1) {
    EXPECT_EQ(write_proxy_v1(kV4), bytes_of("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"));
    EXPECT_EQ(write_proxy_v1(kV6), bytes_of("PROXY TCP6 2001:db8::1 2001:db8::7 56324 443\r\n"));
}

TEST(ProxyHeader, WritesTheBytesOfVersion2) {
    EXPECT_EQ(write_proxy_v2(kV4, ProxyTransport::stream), fixed(0x21, 0x11, 12) + kV4Block);
    EXPECT_EQ(write_proxy_v2(kV4, ProxyTransport::datagram), fixed(0x21, 0x12, 12) + kV4Block);
    EXPECT_EQ(write_proxy_v2(kV6, ProxyTransport::stream), fixed(0x21, 0x21, 36) + kV6Block);
    EXPECT_EQ(write_proxy_v2(kV6, ProxyTransport::datagram), fixed(0x21, 0x22, 36) + kV6Block);
}

TEST(ProxyHeader, WritesIpv4AsIpv6BesideIpv6) {
    const Bytes block = Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1} +
                        Bytes(kV6Block.begin() + 16, kV6Block.end());
    EXPECT_EQ(write_proxy_v2(kMixed, ProxyTransport::stream), fixed(0x21, 0x21, 36) + block);
    EXPECT_EQ(write_proxy_v1(kMixed), bytes_of("PROXY TCP6 ::ffff:c000:201 2001:db8::7 56324 443\r\n"));
    const ProxyEnds turned{kMixed.destination, kMixed.source};
    EXPECT_EQ(write_proxy_v1(turned), bytes_of("PROXY TCP6 2001:db8::7 ::ffff:c000:201 443 56324\r\n"));
}

TEST(ProxyHeader, WritesNoDotsIntoIpv6) {
    const ProxyEnds compatible{endpoint("::1.2.3.4", 1), endpoint("::1", 2)};
    EXPECT_EQ(write_proxy_v1(compatible), bytes_of("PROXY TCP6 ::102:304 ::1 1 2\r\n"));
}

TEST(ProxyHeader, ReadsWhatItWrites) {
    for (const auto& ends : {kV4, kV6, kMixed, ProxyEnds{kMixed.destination, kMixed.source},
                             ProxyEnds{endpoint("0.0.0.0", 0), endpoint("255.255.255.255", 65535)}})
        for (const auto& written : {write_proxy_v1(ends), write_proxy_v2(ends, ProxyTransport::stream),
                                    write_proxy_v2(ends, ProxyTransport::datagram)}) {
            auto header = header_of(written + bytes_of("GET / HTTP/1.1\r\n"));
            EXPECT_EQ(header.size, written.size());
            EXPECT_EQ(header.ends, ends);
            EXPECT_FALSE(header.is_local);
        }
}

TEST(ProxyHeader, WantsMoreOfWhatIsCutOffAnywhere) {
    for (const auto& whole : {write_proxy_v1(kV4), write_proxy_v1(kMixed), bytes_of("PROXY UNKNOWN\r\n"),
                              bytes_of("PROXY UNKNOWN what ever\r\n"), v2(0x21, 0x11, kV4Block),
                              v2(0x21, 0x22, kV6Block + Bytes{4, 0, 1, 'x'}), v2(0x20, 0, {})})
        for (size_t length = 0; length < whole.size(); ++length)
            EXPECT_EQ(failure_of(Bytes(whole.begin(), whole.begin() + static_cast<long>(length))),
                      "more is wanted")
                << length << " of " << whole.size();
}

TEST(ProxyHeader, LeavesTheConnectionsOwnAddressesWhereItNamesNone) {
    const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for (const auto& whole :
         {bytes_of("PROXY UNKNOWN\r\n"), bytes_of("PROXY UNKNOWN no\rmatter 1 2 3 4\r\n"),
          bytes_of("PROXY UNKNOWN " + longest + " " + longest + " 65535 65535\r\n"), v2(0x21, 0, {}),
          v2(0x21, 0x00, kV4Block), v2(0x21, 0x10, {1, 2, 3}), v2(0x21, 0x01, kV4Block),
          v2(0x21, 0x31, Bytes(216)), v2(0x21, 0x32, Bytes(216))}) {
        auto header = header_of(whole + Bytes{'x'});
        EXPECT_EQ(header.size, whole.size());
        EXPECT_EQ(header.ends, std::nullopt);
        EXPECT_FALSE(header.is_local);
    }
}

TEST(ProxyHeader, IgnoresAllThatALocalOneSays) {
    for (const auto& whole : {v2(0x20, 0, {}), v2(0x20, 0x11, kV4Block), v2(0x20, 0xff, {1, 2, 3})}) {
        auto header = header_of(whole);
        EXPECT_EQ(header.size, whole.size());
        EXPECT_EQ(header.ends, std::nullopt);
        EXPECT_TRUE(header.is_local);
    }
}

TEST(ProxyHeader, PassesByTheValuesBehindTheAddresses) {
    const Bytes values{1, 0, 2, 'h', '2', 0xe0, 0, 0, 4, 0, 1, 0};
    auto whole = v2(0x21, 0x11, kV4Block + values);
    EXPECT_EQ(header_of(whole).size, 16 + 12 + values.size());
    EXPECT_EQ(header_of(whole).ends, kV4);
    EXPECT_EQ(header_of(v2(0x21, 0x31, Bytes(216 + 3))).size, 16U + 216 + 3);
}

/// The checksum is of an independent program.
const Bytes kChecked = kV4Block + Bytes{4, 0, 2, 'a', 'b', 3, 0, 4};

TEST(ProxyHeader, BelievesARightChecksumAlone) {
    const Bytes right{0xf1, 0xd3, 0xcc, 0x0a};
    EXPECT_EQ(header_of(v2(0x21, 0x11, kChecked + right)).ends, kV4);
    for (size_t i = 0; i < right.size(); ++i) {
        Bytes wrong = right;
        wrong[i] ^= 1;
        EXPECT_THAT(failure_of(v2(0x21, 0x11, kChecked + wrong)), HasSubstr("a wrong checksum"));
    }
    auto other = v2(0x21, 0x11, kChecked + right);
    other[16] ^= 1;
    EXPECT_THAT(failure_of(other), HasSubstr("a wrong checksum"));
    EXPECT_THAT(failure_of(v2(0x21, 0x11, kV4Block + Bytes{3, 0, 2, 0, 0})), HasSubstr("another size"));
}

TEST(ProxyHeader, ReadsNothingLongerThanItsLimits) {
    EXPECT_EQ(header_of(v2(0x21, 0, Bytes(kMostProxyHeader - 16))).size, kMostProxyHeader);
    EXPECT_THAT(failure_of(fixed(0x21, 0x11, kMostProxyHeader - 15)), HasSubstr("4097 bytes"));
    EXPECT_THAT(failure_of(fixed(0x20, 0, 65535)), HasSubstr("at most 4096"));

    const auto unknown = "PROXY UNKNOWN "s;
    auto line = [&](size_t size) {
        return bytes_of(unknown + std::string(size - unknown.size() - 2, 'x') + "\r\n");
    };
    EXPECT_EQ(header_of(line(107)).size, 107U);
    EXPECT_THAT(failure_of(line(108)), HasSubstr("does not end within 107"));
    EXPECT_EQ(failure_of(bytes_of(unknown + std::string(106 - unknown.size(), 'x'))), "more is wanted");
    EXPECT_THAT(failure_of(bytes_of(unknown + std::string(107 - unknown.size(), 'x'))),
                HasSubstr("does not end"));
}

struct MalformedRow {
    Bytes bytes;
    const char* what;
};

TEST(ProxyHeader, RefusesWhatIsNone) {
    for (const auto& [bytes, what] : {
             MalformedRow{bytes_of("G"), "no PROXY header"},
             {bytes_of("GET / HTTP/1.1\r\n\r\n"), "no PROXY header"},
             {bytes_of("\x16\x03\x01"), "no PROXY header"},
             {bytes_of("\r\n\r\r"), "no PROXY header"},
             {bytes_of("proxy"), "no PROXY header"},
             {bytes_of("PROXY  "), "no PROXY header"},
             {bytes_of("PROXY UDP4"), "no PROXY header"},
             {bytes_of("PROXY TCP5"), "no PROXY header"},
             {bytes_of("PROXY TCP4\r"), "no PROXY header"},
             {bytes_of("PROXY UNKNOWNX"), "no PROXY header"},
             {bytes_of("PROXY UNKNOWN\n"), "no PROXY header"},
             {bytes_of("PROXY UNKNOWN x\n"), "without a carriage return"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"), "without a carriage return"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n"), "port '2\r'"},
             {bytes_of("PROXY TCP4 \n"), "without a carriage return"},
             {bytes_of("PROXY TCP4 \r\n"), "not just two addresses"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), "not just two addresses"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"), "not just two addresses"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"), "not just two addresses"},
             {bytes_of("PROXY TCP4  192.0.2.1 192.0.2.2 2\r\n"), "address ''"},
             {bytes_of("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"s), "address '192.0.2.1"},
             {bytes_of("PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"), "address '192.0.2.01'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.256 1 2\r\n"), "address '192.0.2.256'"},
             {bytes_of("PROXY TCP4 192.0.2.1 2001:db8::1 1 2\r\n"), "address '2001:db8::1'"},
             {bytes_of("PROXY TCP6 192.0.2.1 2001:db8::1 1 2\r\n"), "address '192.0.2.1'"},
             {bytes_of("PROXY TCP6 2001:db8::1%eth0 2001:db8::1 1 2\r\n"), "address '2001:db8::1%eth0'"},
             {bytes_of("PROXY TCP6 2001::db8::1 2001:db8::1 1 2\r\n"), "address '2001::db8::1'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"), "port '65536'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n"), "port '02'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"), "port '+1'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"), "port '-1'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 0x2\r\n"), "port '0x2'"},
             {bytes_of("PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n"), "port ''"},
             {v2(0x11, 0x11, kV4Block), "version 1"},
             {v2(0x31, 0x11, kV4Block), "version 3"},
             {v2(0x22, 0x11, kV4Block), "command 2"},
             {v2(0x21, 0x41, kV4Block), "family 4"},
             {v2(0x21, 0xf0, kV4Block), "family 15"},
             {v2(0x21, 0x13, kV4Block), "protocol 3"},
             {v2(0x21, 0x11, Bytes(11)), "too few for its addresses"},
             {v2(0x21, 0x22, Bytes(35)), "too few for its addresses"},
             {v2(0x21, 0x31, Bytes(215)), "too few for its addresses"},
             {v2(0x21, 0x11, kV4Block + Bytes{1}), "cut off"},
             {v2(0x21, 0x11, kV4Block + Bytes{1, 0}), "cut off"},
             {v2(0x21, 0x11, kV4Block + Bytes{1, 0, 2, 'x'}), "cut off"},
         })
        EXPECT_THAT(failure_of(bytes), HasSubstr(what)) << testing::PrintToString(bytes);
}

TEST(ProxyHeader, RefusesVersion2AtTheFirstByteThatIsWrong) {
    const auto whole = v2(0x21, 0x11, kV4Block);
    for (size_t place = 0; place < 14; ++place) {
        auto wrong = whole;
        wrong[place] ^= 0x44;
        auto cut = [&](size_t length) {
            return failure_of(Bytes(wrong.begin(), wrong.begin() + static_cast<long>(length)));
        };
        EXPECT_EQ(cut(place), "more is wanted");
        EXPECT_THAT(cut(place + 1), HasSubstr("PROXY header")) << place;
    }
}

}  // namespace
}  // namespace weir::proto
