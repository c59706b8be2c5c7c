/* From a UDP payload to the server that its QUIC connection id names: QUIC-LB,
 * draft-ietf-quic-load-balancers-21; the places of the ids by QUIC's invariants, RFC 8999. Plain C without
 * helpers, so that it is also tested in user space. doc/quic.md says what operators see of it.
 *
 * The datapath calls one function:
 *
 *     struct weir_server_id server = {};
 *     if (find_quic_server(payload, data_end, table, &server)) ... look `server` up among the service's ...
 *
 * `payload` is the first byte behind the UDP header, `table` a row of a map that BPF may write (not .rodata),
 * with the service's configurations. Returns the id's length, also in server.length, with the bytes behind it
 * zero; or 0: the packet names no server, and its 4-tuple decides.
 *
 * It says what was written there, not that it is true. A client invents the connection id of its first
 * packets (Initial, 0-RTT), which then decodes to anything; anybody can send anything. So the caller looks
 * the server id up, and when there is no such server, or it is down, the 4-tuple decides, which for a
 * client's first packets is the rule. A client keeps its invented id until the server has answered, so if by
 * chance it names a server, then it does for all of these packets.
 *
 * The caller ends `data_end` where the frame does: a datagram shorter than a connection id may be read with
 * the frame's padding behind it, and no valid packet is that short.
 *
 * quic_server_id() and the two AES functions are BPF functions of their own, which the verifier checks once
 * for all callers. On the stack they take 200 of the 512 bytes that all functions share. doc/quic.md says
 * what decoding costs. */
#pragma once

#include "engine/xdp/bpf/aes.h"

enum { QUIC_LONG_HEADER = 0x80, QUIC_LONG_ID_LENGTH = 5, QUIC_LONG_ID = 6, QUIC_SHORT_ID = 1 };

/* Up to ten bytes, in the low bits. */
static __always_inline struct weir_aes_block load_ten(const __u8* at, const struct weir_aes_block* mask) {
    struct weir_aes_block block;
    block.half[0] = *(const loose64*)at & mask->half[0];
    block.half[1] = *(const loose16*)(at + 8) & mask->half[1];
    return block;
}

static __always_inline struct weir_aes_block load_block(const __u8* at) {
    struct weir_aes_block block;
    block.half[0] = *(const loose64*)at;
    block.half[1] = *(const loose64*)(at + 8);
    return block;
}

/* One round of the Feistel network: one half, expanded by length and pass to a block and encrypted, goes into
 * the other. */
static __always_inline void feistel_pass(const struct weir_quic_config* config, __u64 pass,
                                         const struct weir_aes_block* from, const struct weir_aes_block* mask,
                                         struct weir_aes_block* into) {
    __u64 length = (__u64)config->server_id_length + config->nonce_length;
    struct weir_aes_block block = *from;
    block.half[1] |= length << 48 | pass << 56;
    aes_encrypt(&config->key, &block);
    into->half[0] ^= block.half[0] & mask->half[0];
    into->half[1] ^= block.half[1] & mask->half[1];
}

/* Server id and the begin of the nonce. `split`: bytes before the right half, the middle one that is shared
 * not counted. */
static __always_inline struct weir_aes_block decrypt_halves(const struct weir_quic_config* config,
                                                            const __u8* at, __u32 split) {
    struct weir_aes_block left = load_ten(at, &config->left_mask);
    struct weir_aes_block right = load_ten(at + split, &config->right_mask);
    feistel_pass(config, 4, &right, &config->left_mask, &left);
    feistel_pass(config, 3, &left, &config->right_mask, &right);
    feistel_pass(config, 2, &right, &config->left_mask, &left);
    if (config->server_id_length <= split) return left;
    feistel_pass(config, 1, &left, &config->right_mask, &right);
    __u32 shift = split * 8;
    if (split < 8) {
        left.half[0] |= right.half[0] << shift;
        left.half[1] |= right.half[1] << shift | right.half[0] >> (64 - shift);
    } else {
        left.half[1] |= right.half[0] << (shift - 64);
    }
    return left;
}

/* As find_quic_server(), of a connection id. `server` is zero before. */
WEIR_GLOBAL int quic_server_id(const struct weir_quic_table* table, const struct weir_quic_id* id,
                               struct weir_server_id* server) {
    if (!table || !id || !server) return 0;
    __u32 rotation = id->bytes[0] >> 5;
    if (rotation >= WEIR_QUIC_UNROUTABLE) return 0;
    const struct weir_quic_config* config = &table->config[rotation];
    __u32 length = (__u32)config->server_id_length + config->nonce_length;
    if (length >= WEIR_QUIC_ID_MAX || id->length < 1 + length) return 0;

    struct weir_aes_block block;
    switch (config->mode) {
        case WEIR_QUIC_PLAINTEXT:
            block = load_block(id->bytes + 1);
            break;
        case WEIR_QUIC_SINGLE_PASS:
            block = load_block(id->bytes + 1);
            aes_decrypt(&config->key, &block);
            break;
        case WEIR_QUIC_FOUR_PASS:
            block = decrypt_halves(config, id->bytes + 1, length / 2);
            break;
        default:
            return 0;
    }
    *(loose64*)server->bytes = block.half[0] & config->server_id_mask.half[0];
    *(loose64*)(server->bytes + 8) = block.half[1] & config->server_id_mask.half[1];
    server->length = config->server_id_length;
    return server->length;
}

/* Copies what the packet has of its destination connection id into `id`, which is zero before; returns 0 if
 * it ends before one. A short header does not say how long the id is: then `length` is what could belong to
 * it, and the configuration knows. Of an id longer than QUIC 1 permits the first bytes count. */
static __always_inline int take_quic_id(const void* payload, const void* end, struct weir_quic_id* id) {
    const __u8 *at = (const __u8*)payload, *last = (const __u8*)end;
    if (at + QUIC_SHORT_ID > last) return 0;
    __u32 length = WEIR_QUIC_ID_MAX;
    if (*at & QUIC_LONG_HEADER) {
        if (at + QUIC_LONG_ID > last) return 0;
        if (at[QUIC_LONG_ID_LENGTH] < length) length = at[QUIC_LONG_ID_LENGTH];
        at += QUIC_LONG_ID;
    } else {
        at += QUIC_SHORT_ID;
    }
    if (at + WEIR_QUIC_ID_MAX <= last) {
        *(loose64*)id->bytes = *(const loose64*)at;
        *(loose64*)(id->bytes + 8) = *(const loose64*)(at + 8);
        *(loose32*)(id->bytes + 16) = *(const loose32*)(at + 16);
    } else { /* shorter than any valid packet of QUIC 1 and 2; a later version may have such */
        __u32 there = 0;
        for (; there < WEIR_QUIC_ID_MAX && at + there + 1 <= last; there++) id->bytes[there] = at[there];
        if (there < length) length = there;
    }
    id->length = length;
    return 1;
}

static __always_inline int find_quic_server(const void* payload, const void* end,
                                            const struct weir_quic_table* table,
                                            struct weir_server_id* server) {
    struct weir_quic_id id = {};
    return take_quic_id(payload, end, &id) ? quic_server_id(table, &id, server) : 0;
}
