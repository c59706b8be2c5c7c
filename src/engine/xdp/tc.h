// weir's two tc filters on an interface: a BPF program for what leaves and one for what comes, beside other
// people's.
#pragma once

#include "base/result.h"

namespace weir::engine::xdp {

struct TcPrograms {
    int out;  // descriptors, borrowed
    int in;
};

/// Attaches both at weir's fixed place, replacing what is there. Makes the clsact qdisc where it is missing.
/// Says whether that qdisc is weir's: made now, or by a predecessor, whose filters were found on it.
Result<bool> attach_tc(int ifindex, const TcPrograms& programs);

/// Takes both away, unless a successor has replaced them; and with `own_qdisc` the qdisc, unless others have
/// filters on it. An interface that is gone took everything with it.
void detach_tc(int ifindex, const TcPrograms& programs, bool own_qdisc);

/// Whether what leaves still passes `programs.out`: neither removed by somebody nor replaced by another
/// daemon.
bool is_attached_tc(int ifindex, const TcPrograms& programs);

}  // namespace weir::engine::xdp
