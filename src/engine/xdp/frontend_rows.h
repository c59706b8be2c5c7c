// The frontends of a plan as rows of the datapath's table, and the shapes by which a packet finds them. Pure.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "engine/xdp/abi.h"
#include "model/plan.h"

namespace weir::engine::xdp {

/// As in abi.h's weir_state.
struct FlowSecrets {
    uint64_t present = 0;
    uint64_t former = 0;  // 0: none
};

struct FrontendRows {
    std::vector<weir_frontend>
        rows;                        // without ring and QUIC table; of those with number 0 nobody takes flows
    std::vector<weir_shape> shapes;  // the most specific first
    bool wildcards = false;          // there are shapes besides exact ones and single VIPs' own
};

/// A row for each block of ports of each frontend (numbered from 1 in the plan's order), and one for each
/// VIP.
FrontendRows frontend_rows(const model::Plan& plan, const FlowSecrets& secrets);

/// Whether both plans have the same rows. What is the very same frontend in both is not looked at.
bool same_frontend_rows(const model::Plan& a, const model::Plan& b);

/// How many rows; more shapes than the datapath has room for is an error.
Result<size_t> count_frontend_rows(const model::Plan& plan);

}  // namespace weir::engine::xdp
