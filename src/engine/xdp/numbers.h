// Which number each target has in the datapath. A number that a target leaves is not given to another while
// entries of the flow table may still name it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/xdp/abi.h"
#include "model/plan.h"

namespace weir::engine::xdp {

class Numbers {
  public:
    /// Takes over what a former daemon has given; rows are those of the generation in use.
    static Numbers recover(std::span<const weir_name> rows);

    /// How many numbers there must be, 0 included, for assign() to succeed.
    size_t needed(const std::vector<model::TargetKey>& wanted) const;

    /// Gives every wanted target a number (its former one, if it still has it) and retires the others.
    /// Numbers run from 1 to limit - 1; fails, and changes nothing, where these do not suffice.
    Status assign(const std::vector<model::TargetKey>& wanted, uint32_t limit);

    /// 0 where the target has none.
    uint32_t find(const model::TargetKey& key) const;
    /// Those of a frontend's targets, in their order.
    std::vector<uint32_t> of(const model::Frontend& frontend) const;

    /// Grows whenever a target gets a number or leaves it.
    uint64_t changes() const { return changes_; }

    /// Numbers in use, by target; and those that left, by number.
    const std::map<model::TargetKey, uint32_t>& live() const { return live_; }
    const std::map<uint32_t, model::TargetKey>& retired() const { return retired_; }

    /// After a whole pass over the flow table: frees the retired numbers that no entry names. A number is
    /// freed by the second pass at the earliest, so that the pass began after its last packet. Returns the
    /// numbers freed.
    std::vector<uint32_t> release(const std::function<bool(uint32_t number)>& is_named);

  private:
    std::map<model::TargetKey, uint32_t> live_;
    std::map<uint32_t, model::TargetKey> retired_;
    uint64_t changes_ = 0;
    std::set<uint32_t> passed_;  // retired numbers that have seen a pass begin and end
};

}  // namespace weir::engine::xdp
