// What the operator has changed of a backend by hand, beside the configuration: one more input of the
// planner.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/config.h"

namespace weir::model {

inline constexpr uint32_t kLargestWeight = 1000;

Result<AdminState> read_admin_state(std::string_view text);

struct OverrideKey {
    net::Ip backend;
    std::string service{};  // "": everywhere

    auto operator<=>(const OverrideKey&) const = default;
};

struct Override {
    using Time = std::chrono::system_clock::time_point;

    std::optional<AdminState> state{};  // none: as elsewhere said
    std::optional<uint32_t> weight{};   // up to kLargestWeight
    std::string by{};                   // a user of this machine, or an address
    Time at{};
    std::optional<Time> deadline{};       // of a drain: whatever is left of its flows then is cut off
    std::optional<uint64_t> flows_cut{};  // how many flows were, when the deadline had passed

    bool operator==(const Override&) const = default;
};

/// `10.0.0.1`, `10.0.0.1 in service web`.
std::string text_of(const OverrideKey& key);

using Overrides = std::map<OverrideKey, Override>;

/// Those that hold for one service: its own win over those for everywhere, field by field. Borrows `all`.
class ServiceOverrides {
  public:
    ServiceOverrides(const Overrides& all, const std::string& service) : all_(all), service_(service) {}

    /// Nothing where the configuration alone counts. `by` and `at` are those of the service's own, if there
    /// is one; the deadline is of the one whose state is in force.
    std::optional<Override> of(const net::Ip& backend) const;

    /// The configured backend as it is to be used.
    Backend apply(Backend backend) const;

  private:
    const Overrides& all_;
    const std::string& service_;
};

}  // namespace weir::model
