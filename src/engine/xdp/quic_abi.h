/* What the datapath (BPF C) and the daemon (C++) share of QUIC-LB (draft-ietf-quic-load-balancers-21): how
 * server ids are written into connection ids. The daemon fills it in by make_quic_config() (quic_keys.h), so
 * that the datapath has nothing left to derive. */
#pragma once

#include "engine/xdp/abi.h"

#define WEIR_QUIC_ID_MAX 20    /* bytes of a connection id, as in QUIC 1 and 2 */
#define WEIR_QUIC_CONFIGS 8    /* by the three rotation bits */
#define WEIR_QUIC_UNROUTABLE 7 /* of these: never a configuration */

#define WEIR_AES_ROUNDS 10 /* of AES-128 */

/* 16 bytes in the order of the wire. AES sees four columns of four bytes. */
struct weir_aes_block {
    union {
        __u64 half[2];
        __u32 column[4];
    };
};
WEIR_ASSERT_SIZE(struct weir_aes_block, 16);

/* Round keys in order of use. Those for decryption are not those for encryption reversed: see quic_keys.cc.
 */
struct weir_aes_key {
    struct weir_aes_block round[WEIR_AES_ROUNDS + 1];
};
WEIR_ASSERT_SIZE(struct weir_aes_key, 176);

enum weir_quic_mode {
    WEIR_QUIC_UNSET = 0,
    WEIR_QUIC_PLAINTEXT = 1,
    WEIR_QUIC_SINGLE_PASS = 2, /* one AES block: server id and nonce have 16 bytes */
    WEIR_QUIC_FOUR_PASS = 3,   /* a Feistel network of four AES blocks: any other length */
};

struct weir_quic_config {
    __u8 mode;             /* enum weir_quic_mode */
    __u8 server_id_length; /* 1..15 */
    __u8 nonce_length;     /* 4..18; both together at most 19 */
    __u8 pad[29];
    struct weir_aes_block server_id_mask;
    /* Four-pass: which bits of a block are the left and the right half of server id and nonce. Both halves
     * begin at byte 0. An odd number of bytes has its middle one in both, four bits each. */
    struct weir_aes_block left_mask, right_mask;
    struct weir_aes_key key; /* single-pass: for decryption; four-pass: for encryption */
};
WEIR_ASSERT_SIZE(struct weir_quic_config, 256);

struct weir_quic_table {
    struct weir_quic_config config[WEIR_QUIC_CONFIGS];
};
WEIR_ASSERT_SIZE(struct weir_quic_table, 2048);

/* A destination connection id as far as it was in the packet. Bytes from `length` on mean nothing. */
struct weir_quic_id {
    __u8 bytes[WEIR_QUIC_ID_MAX];
    __u32 length;
};
WEIR_ASSERT_SIZE(struct weir_quic_id, 24);

/* Zero behind its bytes. The length makes the whole a key of a map: 01 is not 0100. */
struct weir_server_id {
    __u8 bytes[15];
    __u8 length;
} __attribute__((aligned(8)));
WEIR_ASSERT_SIZE(struct weir_server_id, 16);
