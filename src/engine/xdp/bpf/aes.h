/* AES-128 of one block (FIPS 197), both ways, for BPF and for user space.
 *
 * SubBytes, ShiftRows and MixColumns of a byte are one word of a table (Daemen, Rijmen: AES Proposal, 5.2.1).
 * A table has each word twice in a row, so that a load at another offset is the word rotated: what would be
 * four tables is one of 2 KiB. Decryption is the equivalent inverse cipher (FIPS 197, 5.3.5).
 *
 * Not constant time: which lines of the tables are in the cache depends on key and data. Who runs code on the
 * same core, or on its hyperthread, could learn the key from that; who measures the balancer's delay from
 * outside would have to find nanoseconds in the noise of a network. The key that is at stake hides which
 * server a connection id belongs to. It protects no payload, and is to be rotated anyway. */
#pragma once

#include "engine/xdp/bpf/words.h"
#include "engine/xdp/quic_abi.h"

/* A BPF program's function that the verifier checks once, by itself, whoever calls it. It may be given no
 * pointer to read-only memory (Linux 6.1). */
#ifdef __bpf__
#define WEIR_GLOBAL __attribute__((noinline))
#else
#define WEIR_GLOBAL static inline
#endif

/* clang-format off */
#define AES_SBOX(X) \
    X(63) X(7c) X(77) X(7b) X(f2) X(6b) X(6f) X(c5) X(30) X(01) X(67) X(2b) X(fe) X(d7) X(ab) X(76) \
    X(ca) X(82) X(c9) X(7d) X(fa) X(59) X(47) X(f0) X(ad) X(d4) X(a2) X(af) X(9c) X(a4) X(72) X(c0) \
    X(b7) X(fd) X(93) X(26) X(36) X(3f) X(f7) X(cc) X(34) X(a5) X(e5) X(f1) X(71) X(d8) X(31) X(15) \
    X(04) X(c7) X(23) X(c3) X(18) X(96) X(05) X(9a) X(07) X(12) X(80) X(e2) X(eb) X(27) X(b2) X(75) \
    X(09) X(83) X(2c) X(1a) X(1b) X(6e) X(5a) X(a0) X(52) X(3b) X(d6) X(b3) X(29) X(e3) X(2f) X(84) \
    X(53) X(d1) X(00) X(ed) X(20) X(fc) X(b1) X(5b) X(6a) X(cb) X(be) X(39) X(4a) X(4c) X(58) X(cf) \
    X(d0) X(ef) X(aa) X(fb) X(43) X(4d) X(33) X(85) X(45) X(f9) X(02) X(7f) X(50) X(3c) X(9f) X(a8) \
    X(51) X(a3) X(40) X(8f) X(92) X(9d) X(38) X(f5) X(bc) X(b6) X(da) X(21) X(10) X(ff) X(f3) X(d2) \
    X(cd) X(0c) X(13) X(ec) X(5f) X(97) X(44) X(17) X(c4) X(a7) X(7e) X(3d) X(64) X(5d) X(19) X(73) \
    X(60) X(81) X(4f) X(dc) X(22) X(2a) X(90) X(88) X(46) X(ee) X(b8) X(14) X(de) X(5e) X(0b) X(db) \
    X(e0) X(32) X(3a) X(0a) X(49) X(06) X(24) X(5c) X(c2) X(d3) X(ac) X(62) X(91) X(95) X(e4) X(79) \
    X(e7) X(c8) X(37) X(6d) X(8d) X(d5) X(4e) X(a9) X(6c) X(56) X(f4) X(ea) X(65) X(7a) X(ae) X(08) \
    X(ba) X(78) X(25) X(2e) X(1c) X(a6) X(b4) X(c6) X(e8) X(dd) X(74) X(1f) X(4b) X(bd) X(8b) X(8a) \
    X(70) X(3e) X(b5) X(66) X(48) X(03) X(f6) X(0e) X(61) X(35) X(57) X(b9) X(86) X(c1) X(1d) X(9e) \
    X(e1) X(f8) X(98) X(11) X(69) X(d9) X(8e) X(94) X(9b) X(1e) X(87) X(e9) X(ce) X(55) X(28) X(df) \
    X(8c) X(a1) X(89) X(0d) X(bf) X(e6) X(42) X(68) X(41) X(99) X(2d) X(0f) X(b0) X(54) X(bb) X(16)
#define AES_INVERSE_SBOX(X) \
    X(52) X(09) X(6a) X(d5) X(30) X(36) X(a5) X(38) X(bf) X(40) X(a3) X(9e) X(81) X(f3) X(d7) X(fb) \
    X(7c) X(e3) X(39) X(82) X(9b) X(2f) X(ff) X(87) X(34) X(8e) X(43) X(44) X(c4) X(de) X(e9) X(cb) \
    X(54) X(7b) X(94) X(32) X(a6) X(c2) X(23) X(3d) X(ee) X(4c) X(95) X(0b) X(42) X(fa) X(c3) X(4e) \
    X(08) X(2e) X(a1) X(66) X(28) X(d9) X(24) X(b2) X(76) X(5b) X(a2) X(49) X(6d) X(8b) X(d1) X(25) \
    X(72) X(f8) X(f6) X(64) X(86) X(68) X(98) X(16) X(d4) X(a4) X(5c) X(cc) X(5d) X(65) X(b6) X(92) \
    X(6c) X(70) X(48) X(50) X(fd) X(ed) X(b9) X(da) X(5e) X(15) X(46) X(57) X(a7) X(8d) X(9d) X(84) \
    X(90) X(d8) X(ab) X(00) X(8c) X(bc) X(d3) X(0a) X(f7) X(e4) X(58) X(05) X(b8) X(b3) X(45) X(06) \
    X(d0) X(2c) X(1e) X(8f) X(ca) X(3f) X(0f) X(02) X(c1) X(af) X(bd) X(03) X(01) X(13) X(8a) X(6b) \
    X(3a) X(91) X(11) X(41) X(4f) X(67) X(dc) X(ea) X(97) X(f2) X(cf) X(ce) X(f0) X(b4) X(e6) X(73) \
    X(96) X(ac) X(74) X(22) X(e7) X(ad) X(35) X(85) X(e2) X(f9) X(37) X(e8) X(1c) X(75) X(df) X(6e) \
    X(47) X(f1) X(1a) X(71) X(1d) X(29) X(c5) X(89) X(6f) X(b7) X(62) X(0e) X(aa) X(18) X(be) X(1b) \
    X(fc) X(56) X(3e) X(4b) X(c6) X(d2) X(79) X(20) X(9a) X(db) X(c0) X(fe) X(78) X(cd) X(5a) X(f4) \
    X(1f) X(dd) X(a8) X(33) X(88) X(07) X(c7) X(31) X(b1) X(12) X(10) X(59) X(27) X(80) X(ec) X(5f) \
    X(60) X(51) X(7f) X(a9) X(19) X(b5) X(4a) X(0d) X(2d) X(e5) X(7a) X(9f) X(93) X(c9) X(9c) X(ef) \
    X(a0) X(e0) X(3b) X(4d) X(ae) X(2a) X(f5) X(b0) X(c8) X(eb) X(bb) X(3c) X(83) X(53) X(99) X(61) \
    X(17) X(2b) X(04) X(7e) X(ba) X(77) X(d6) X(26) X(e1) X(69) X(14) X(63) X(55) X(21) X(0c) X(7d)
/* clang-format on */

/* Multiplication in AES's field, of constants. */
#define AES_X2(x) (((x) << 1 ^ ((x) >> 7) * 0x11b) & 0xff)
#define AES_X4(x) AES_X2(AES_X2(x))
#define AES_X8(x) AES_X2(AES_X4(x))

#define AES_TWICE(a, b, c, d) (((a) | (b) << 8 | (c) << 16 | (__u64)(d) << 24) * 0x100000001ull)
#define AES_BYTE(n) 0x##n,
#define AES_FORWARD(n) AES_TWICE(AES_X2(0x##n), 0x##n, 0x##n, AES_X2(0x##n) ^ 0x##n),
#define AES_INVERSE(n)                                                              \
    AES_TWICE(AES_X8(0x##n) ^ AES_X4(0x##n) ^ AES_X2(0x##n), AES_X8(0x##n) ^ 0x##n, \
              AES_X8(0x##n) ^ AES_X4(0x##n) ^ 0x##n, AES_X8(0x##n) ^ AES_X2(0x##n) ^ 0x##n),

static const __u8 kAesSbox[256] = {AES_SBOX(AES_BYTE)};
static const __u8 kAesInverseSbox[256] = {AES_INVERSE_SBOX(AES_BYTE)};
static const __u64 kAesForward[256] = {AES_SBOX(AES_FORWARD)};
static const __u64 kAesInverse[256] = {AES_INVERSE_SBOX(AES_INVERSE)};

static __always_inline __u32 aes_rotated(const __u64* twice, int bytes) {
    return *(const loose32*)((const __u8*)twice + bytes);
}

/* A column after a round without its key, from the columns that its four bytes are in. */
static __always_inline __u32 aes_mix(const __u64* table, __u32 a, __u32 b, __u32 c, __u32 d) {
    return aes_rotated(&table[a & 0xff], 0) ^ aes_rotated(&table[b >> 8 & 0xff], 3) ^
           aes_rotated(&table[c >> 16 & 0xff], 2) ^ aes_rotated(&table[d >> 24], 1);
}

/* The same for the last round, which does not mix. */
static __always_inline __u32 aes_substitute(const __u8* sbox, __u32 a, __u32 b, __u32 c, __u32 d) {
    return sbox[a & 0xff] | (__u32)sbox[b >> 8 & 0xff] << 8 | (__u32)sbox[c >> 16 & 0xff] << 16 |
           (__u32)sbox[d >> 24] << 24;
}

/* 0, or -1 for a null pointer, which the verifier has to see excluded. */
WEIR_GLOBAL int aes_encrypt(const struct weir_aes_key* key, struct weir_aes_block* block) {
    if (!key || !block) return -1;
    __u32 a = block->column[0] ^ key->round[0].column[0], b = block->column[1] ^ key->round[0].column[1];
    __u32 c = block->column[2] ^ key->round[0].column[2], d = block->column[3] ^ key->round[0].column[3];
    for (int round = 1; round < WEIR_AES_ROUNDS; round++) {
        const __u32* with = key->round[round].column;
        __u32 e = aes_mix(kAesForward, a, b, c, d) ^ with[0], f = aes_mix(kAesForward, b, c, d, a) ^ with[1];
        __u32 g = aes_mix(kAesForward, c, d, a, b) ^ with[2], h = aes_mix(kAesForward, d, a, b, c) ^ with[3];
        a = e, b = f, c = g, d = h;
    }
    const __u32* last = key->round[WEIR_AES_ROUNDS].column;
    block->column[0] = aes_substitute(kAesSbox, a, b, c, d) ^ last[0];
    block->column[1] = aes_substitute(kAesSbox, b, c, d, a) ^ last[1];
    block->column[2] = aes_substitute(kAesSbox, c, d, a, b) ^ last[2];
    block->column[3] = aes_substitute(kAesSbox, d, a, b, c) ^ last[3];
    return 0;
}

/* As aes_encrypt(), with a key for decryption; rows shift the other way. */
WEIR_GLOBAL int aes_decrypt(const struct weir_aes_key* key, struct weir_aes_block* block) {
    if (!key || !block) return -1;
    __u32 a = block->column[0] ^ key->round[0].column[0], b = block->column[1] ^ key->round[0].column[1];
    __u32 c = block->column[2] ^ key->round[0].column[2], d = block->column[3] ^ key->round[0].column[3];
    for (int round = 1; round < WEIR_AES_ROUNDS; round++) {
        const __u32* with = key->round[round].column;
        __u32 e = aes_mix(kAesInverse, a, d, c, b) ^ with[0], f = aes_mix(kAesInverse, b, a, d, c) ^ with[1];
        __u32 g = aes_mix(kAesInverse, c, b, a, d) ^ with[2], h = aes_mix(kAesInverse, d, c, b, a) ^ with[3];
        a = e, b = f, c = g, d = h;
    }
    const __u32* last = key->round[WEIR_AES_ROUNDS].column;
    block->column[0] = aes_substitute(kAesInverseSbox, a, d, c, b) ^ last[0];
    block->column[1] = aes_substitute(kAesInverseSbox, b, a, d, c) ^ last[1];
    block->column[2] = aes_substitute(kAesInverseSbox, c, b, a, d) ^ last[2];
    block->column[3] = aes_substitute(kAesInverseSbox, d, c, b, a) ^ last[3];
    return 0;
}
