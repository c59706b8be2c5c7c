#include "engine/xdp/bpf/quic.h"

#include <gmock/gmock.h>

#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "engine/xdp/quic_keys.h"
#include "engine/xdp/quic_vectors.h"

namespace weir::engine::xdp {
namespace {

using testing::HasSubstr;

weir_aes_block block_of(const Bytes& bytes) {
    weir_aes_block block{};
    std::memcpy(&block, bytes.data(), std::min(bytes.size(), sizeof block));
    return block;
}
Bytes bytes_in(const weir_aes_block& block) {
    Bytes bytes(sizeof block);
    std::memcpy(bytes.data(), &block, sizeof block);
    return bytes;
}

Bytes encrypted(const QuicKey& key, const Bytes& plain) {
    weir_aes_key expanded = encryption_key(key);
    weir_aes_block block = block_of(plain);
    EXPECT_EQ(aes_encrypt(&expanded, &block), 0);
    return bytes_in(block);
}
Bytes decrypted(const QuicKey& key, const Bytes& cipher) {
    weir_aes_key expanded = decryption_key(key);
    weir_aes_block block = block_of(cipher);
    EXPECT_EQ(aes_decrypt(&expanded, &block), 0);
    return bytes_in(block);
}

std::mt19937& source() {
    static std::mt19937 generator(1);
    return generator;
}
Bytes random_bytes(size_t count) {
    Bytes bytes(count);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(source()());
    return bytes;
}
QuicKey random_key() {
    QuicKey key;
    std::ranges::copy(random_bytes(key.size()), key.begin());
    return key;
}

/// Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1: FIPS 197, 4.2.
unsigned times(unsigned a, unsigned b) {
    unsigned product = 0;
    for (; b; b >>= 1, a = a << 1 ^ (a & 0x80 ? 0x11b : 0))
        if (b & 1) product ^= a;
    return product;
}

/// A server's side, byte by byte as the draft says it: so an oracle for the masks and shifts of the decoder.
class Server {
  public:
    Server(std::optional<QuicKey> key, Bytes id) : key_(key), id_(std::move(id)) {}

    Bytes connection_id(uint8_t first, const Bytes& nonce) const {
        Bytes plain = id_;
        plain.insert(plain.end(), nonce.begin(), nonce.end());
        Bytes id = !key_ ? plain : plain.size() == 16 ? encrypted(*key_, plain) : four_passes(plain);
        id.insert(id.begin(), first);
        return id;
    }

  private:
    Bytes four_passes(const Bytes& plain) const {
        const bool odd = plain.size() % 2;
        const auto half = static_cast<std::ptrdiff_t>((plain.size() + 1) / 2);
        Bytes left(plain.begin(), plain.begin() + half), right(plain.end() - half, plain.end());
        auto clear = [&] {
            if (!odd) return;
            left.back() &= 0xf0;
            right.front() &= 0x0f;
        };
        clear();
        for (uint8_t pass = 1; pass <= 4; pass++) {
            const Bytes& from = pass % 2 ? left : right;
            Bytes& into = pass % 2 ? right : left;
            Bytes expanded = from;
            expanded.resize(14);
            expanded.push_back(static_cast<uint8_t>(plain.size()));
            expanded.push_back(pass);
            Bytes mask = encrypted(*key_, expanded);
            for (size_t i = 0; i < into.size(); i++) into[i] ^= mask[i];
            clear();
        }
        if (odd) {
            left.back() |= right.front();
            right.erase(right.begin());
        }
        left.insert(left.end(), right.begin(), right.end());
        return left;
    }

    std::optional<QuicKey> key_;
    Bytes id_;
};

weir_server_id decode(const weir_quic_table& table, const Bytes& id) {
    weir_quic_id in{};
    std::copy_n(id.begin(), std::min<size_t>(id.size(), WEIR_QUIC_ID_MAX), in.bytes);
    in.length = static_cast<uint32_t>(id.size());
    weir_server_id server{};
    EXPECT_EQ(quic_server_id(&table, &in, &server), server.length);
    return server;
}

/// From a copy of just this size, so that a sanitizer sees a read behind it.
weir_server_id find(const weir_quic_table& table, const Bytes& payload) {
    auto exact = std::make_unique<uint8_t[]>(payload.size());
    std::ranges::copy(payload, exact.get());
    weir_server_id server{};
    EXPECT_EQ(find_quic_server(exact.get(), exact.get() + payload.size(), &table, &server), server.length);
    return server;
}

void expect_zero_behind(const weir_server_id& server) {
    for (size_t i = server.length; i < sizeof server.bytes; i++)
        EXPECT_EQ(server.bytes[i], 0) << "byte " << i;
}

TEST(Aes, EncryptsAndDecryptsTheExamplesOfFips197) {
    struct Row {
        std::string_view key, plain, cipher;
    } rows[] = {
        {"2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
         "3925841d02dc09fbdc118597196a0b32"},
        {"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
         "69c4e0d86a7b0430d8cdb78070b4c55a"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(encrypted(*key_of(row.key), from_hex(row.plain)), from_hex(row.cipher));
        EXPECT_EQ(decrypted(*key_of(row.key), from_hex(row.cipher)), from_hex(row.plain));
    }
}

TEST(Aes, ExpandsTheKeysOfFips197) {
    auto key = *key_of("2b7e151628aed2a6abf7158809cf4f3c");
    EXPECT_EQ(bytes_in(encryption_key(key).round[1]), from_hex("a0fafe1788542cb123a339392a6c7605"));
    EXPECT_EQ(bytes_in(encryption_key(key).round[10]), from_hex("d014f9a8c9ee2589e13f0cc8b6630ca6"));
    key = *key_of("000102030405060708090a0b0c0d0e0f");
    EXPECT_EQ(bytes_in(decryption_key(key).round[0]), from_hex("13111d7fe3944a17f307a78b4d2b30c5"));
    EXPECT_EQ(bytes_in(decryption_key(key).round[1]), from_hex("13aa29be9c8faff6f770f58000f7bf03"));
}

TEST(Aes, TablesAreWhatFips197Defines) {
    for (unsigned x = 0; x < 256; x++) {
        unsigned inverse = 0;
        for (unsigned y = 1; y < 256; y++)
            if (times(x, y) == 1) inverse = y;
        auto turned = [&](int by) { return std::rotl(static_cast<uint8_t>(inverse), by); };
        unsigned s = turned(0) ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63u;
        ASSERT_EQ(kAesSbox[x], s);
        ASSERT_EQ(kAesInverseSbox[s], x);
        uint64_t mixed = times(s, 2) | s << 8 | s << 16 | times(s, 3) << 24;
        ASSERT_EQ(kAesForward[x], mixed << 32 | mixed);
        mixed = times(x, 14) | times(x, 9) << 8 | times(x, 13) << 16 | times(x, 11) << 24;
        ASSERT_EQ(kAesInverse[s], mixed << 32 | mixed);
    }
}

TEST(Aes, DecryptsWhatItEncrypted) {
    for (int i = 0; i < 200; i++) {
        auto key = random_key();
        auto plain = random_bytes(16);
        EXPECT_EQ(decrypted(key, encrypted(key, plain)), plain);
    }
}

class Vector : public testing::TestWithParam<QuicVector> {};
INSTANTIATE_TEST_SUITE_P(Draft21, Vector, testing::ValuesIn(kQuicVectors),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Vector, IsDecoded) {
    auto server = decode(table_of(GetParam()), from_hex(GetParam().id));
    EXPECT_EQ(bytes_of(server), from_hex(GetParam().server_id));
    expect_zero_behind(server);
}

TEST_P(Vector, IsWhatTheServerOfTheseTestsWrites) {
    auto id = from_hex(GetParam().id);
    Server server(key_of(GetParam().key), from_hex(GetParam().server_id));
    EXPECT_EQ(server.connection_id(id[0], from_hex(GetParam().nonce)), id);
}

TEST_P(Vector, IsNothingWhenTruncated) {
    auto table = table_of(GetParam());
    auto id = from_hex(GetParam().id);
    for (size_t length = 0; length < id.size(); length++)
        EXPECT_EQ(decode(table, Bytes(id.begin(), id.begin() + static_cast<std::ptrdiff_t>(length))).length,
                  0);
}

TEST_P(Vector, IsFoundBehindEitherHeaderOncePresent) {
    auto table = table_of(GetParam());
    auto id = from_hex(GetParam().id);
    for (const Bytes& packet : {short_packet(id, 40), long_packet(id, 40)}) {
        size_t needs = packet.size() - 40;
        for (size_t length = 0; length <= packet.size(); length++) {
            Bytes payload(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(length));
            auto expected = length < needs ? Bytes{} : from_hex(GetParam().server_id);
            EXPECT_EQ(bytes_of(find(table, payload)), expected) << length << " bytes";
        }
    }
}

TEST_P(Vector, IsUnroutableUnderOtherRotationBits) {
    auto table = table_of(GetParam());
    auto id = from_hex(GetParam().id);
    const unsigned own = id[0] >> 5;
    for (unsigned rotation = 0; rotation < WEIR_QUIC_CONFIGS; rotation++) {
        id[0] = static_cast<uint8_t>(rotation << 5 | (id[0] & 0x1f));
        EXPECT_EQ(decode(table, id).length != 0, rotation == own) << rotation;
    }
}

TEST_P(Vector, MayHaveBytesOfTheServersOwnBehindIt) {
    auto table = table_of(GetParam());
    for (auto id = from_hex(GetParam().id); id.size() < WEIR_QUIC_ID_MAX; id.push_back(0xff))
        EXPECT_EQ(bytes_of(decode(table, id)), from_hex(GetParam().server_id));
}

TEST(QuicServerId, IsWhatServersOfEveryLengthWrote) {
    int lengths = 0;
    for (unsigned server_id_length = 1; server_id_length <= 15; server_id_length++) {
        for (unsigned nonce_length = 4; server_id_length + nonce_length <= 19; nonce_length++) {
            for (bool with_key : {false, true}) {
                auto key = with_key ? std::optional(random_key()) : std::nullopt;
                weir_quic_table table{};
                table.config[5] = make_quic_config(server_id_length, nonce_length, key).value();
                auto server_id = random_bytes(server_id_length);
                Server server(key, server_id);
                for (int i = 0; i < 10; i++) {
                    auto id = server.connection_id(0xa3, random_bytes(nonce_length));
                    auto found = decode(table, id);
                    ASSERT_EQ(bytes_of(found), server_id) << server_id_length << "+" << nonce_length;
                    expect_zero_behind(found);
                }
            }
            lengths++;
        }
    }
    EXPECT_EQ(lengths, 120);
}

TEST(QuicServerId, UsesTheConfigurationThatTheRotationBitsName) {
    weir_quic_table table{};
    for (unsigned rotation = 0; rotation < WEIR_QUIC_UNROUTABLE; rotation++)
        table.config[rotation] = make_quic_config(rotation + 1, 4, std::nullopt).value();
    for (unsigned rotation = 0; rotation < WEIR_QUIC_UNROUTABLE; rotation++) {
        Bytes id = random_bytes(20);
        id[0] = static_cast<uint8_t>(rotation << 5);
        EXPECT_EQ(bytes_of(decode(table, id)), Bytes(id.begin() + 1, id.begin() + 2 + rotation));
    }
}

TEST(QuicServerId, IsNeverThatOfTheUnroutableCodepoint) {
    weir_quic_table table{};
    for (auto& config : table.config) config = make_quic_config(1, 4, std::nullopt).value();
    for (unsigned first = 0; first < 256; first++) {
        Bytes id(20, static_cast<uint8_t>(first));
        EXPECT_EQ(decode(table, id).length != 0, first < 0xe0) << first;
    }
}

TEST(QuicServerId, SurvivesLengthsThatNoConfigurationHas) {
    for (int mode = 0; mode < 256; mode++) {
        for (unsigned length : {19u, 20u, 128u, 255u}) {
            weir_quic_table table{};
            table.config[0].mode = static_cast<uint8_t>(mode);
            table.config[0].server_id_length = static_cast<uint8_t>(length);
            table.config[0].nonce_length = static_cast<uint8_t>(length);
            EXPECT_EQ(decode(table, Bytes(20)).length, 0);
        }
    }
}

TEST(QuicHeader, LongOnesSayTheIdsLength) {
    auto table = table_of(kQuicVectors[0]);
    auto packet = long_packet(from_hex(kQuicVectors[0].id), 60);
    for (unsigned length = 0; length < 256; length++) {
        packet[QUIC_LONG_ID_LENGTH] = static_cast<uint8_t>(length);
        EXPECT_EQ(find(table, packet).length, length < 8 ? 0 : 3) << length;
    }
}

TEST(QuicHeader, OnlyItsFirstBitCounts) {
    auto table = table_of(kQuicVectors[2]);
    auto packet = short_packet(from_hex(kQuicVectors[2].id), 30);
    for (unsigned first = 0; first < 0x80; first++) {
        packet[0] = static_cast<uint8_t>(first);
        EXPECT_EQ(bytes_of(find(table, packet)), from_hex(kQuicVectors[2].server_id));
    }
}

TEST(QuicConfig, RefusesLengthsThatTheDraftDoesNotPermit) {
    EXPECT_THAT(make_quic_config(0, 4, {}).error().message, HasSubstr("at least 1 byte"));
    EXPECT_THAT(make_quic_config(1, 3, {}).error().message, HasSubstr("at least 4 bytes, not 3"));
    EXPECT_THAT(make_quic_config(16, 4, {}).error().message, HasSubstr("more than the 19"));
    EXPECT_THAT(make_quic_config(1, 19, {}).error().message, HasSubstr("more than the 19"));
    EXPECT_THAT(make_quic_config(20, 4, {}).error().message, HasSubstr("more than the 19"));
    EXPECT_TRUE(make_quic_config(15, 4, {}));
    EXPECT_TRUE(make_quic_config(1, 18, {}));
}

}  // namespace
}  // namespace weir::engine::xdp
