// The checksum of a frame's TCP, UDP or ICMPv6, read and made to be what a test wants. Of frames as
// net::build_frame() makes them.
#pragma once

#include <cstdint>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {

uint16_t checksum_of(const Bytes& frame);
void set_checksum(Bytes& frame, uint16_t value);
/// What it should be, summed up anew.
uint16_t whole_checksum(const Bytes& frame);
/// What the field holds where the rest is left to the hardware: the sum of the pseudo header, not
/// complemented.
uint16_t pseudo_sum(const Bytes& frame);
/// Changes the word that many bytes before the frame's end so that the sum is all ones, and sets the
/// checksum.
void make_sum_all_ones(Bytes& frame, size_t before_end);

}  // namespace weir::engine::xdp
