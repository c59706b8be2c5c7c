/* Words at any address. Fields of a frame lie anywhere; the kernel's headers say so by packed types, which
 * the compiler would read byte by byte. Where BPF runs, a word at any address is one load. */
#pragma once

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#ifdef __bpf__
#define WEIR_WORD(bits) typedef __u##bits loose##bits
#else
#define WEIR_WORD(bits) typedef __u##bits __attribute__((aligned(1), may_alias)) loose##bits
#endif
WEIR_WORD(16);
WEIR_WORD(32);
WEIR_WORD(64);
