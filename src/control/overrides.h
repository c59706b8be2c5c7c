// The operator's overrides of backends: changed by commands, ended by their deadlines, kept in a file. They
// are saved when save() is called, for the disk is slower than the datapath; what cannot be saved is in force
// all the same, and tried again. Knows no clock of its own.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/override_file.h"
#include "model/config.h"
#include "model/override.h"

namespace weir::control {

/// What a command asks for. What it leaves out stays as it was.
struct Wish {
    std::optional<model::AdminState> state{};
    std::optional<uint32_t> weight{};
    std::optional<std::chrono::seconds> drain_for{};  // only with `draining`
};

/// `draining for 60s, weight 5`.
std::string text_of(const Wish& wish);

class Overrides {
  public:
    using Time = model::Override::Time;

    /// Reads the file; "" keeps them in memory only.
    explicit Overrides(const std::string& path);

    const model::Overrides& all() const { return all_; }

    /// `by` and `now` stay those of the override's state where the wish leaves that as it is: who has drained
    /// a backend counts for more than who gave it another weight meanwhile.
    void set(const model::OverrideKey& key, const Wish& wish, const std::string& by, Time now);
    /// False where there is none.
    bool lift(const model::OverrideKey& key);
    /// Its deadline has passed: the backend is disabled, and so many flows are cut off.
    void expire(const model::OverrideKey& key, uint64_t flows_cut);

    void save();
    bool is_saved() const { return !changed_ && not_saved_.empty(); }
    uint64_t save_failures_total() const { return save_failures_total_; }

    /// For the operator: the file could not be read or cannot be written; "" when all is well.
    std::string problem() const;

  private:
    std::optional<OverrideFile> file_;
    model::Overrides all_;
    bool changed_ = false;  // since save() was called
    std::string not_read_;
    std::string not_saved_;
    uint64_t save_failures_total_ = 0;
};

/// The services that have the backends of which the keys speak.
std::set<std::string> services_of(const model::Config& config, const std::vector<model::OverrideKey>& keys);

/// Whether the configuration has the service; the error names the nearest that it has.
Status known(const model::Config& config, const std::string& service);
/// Whether the configuration has what a key speaks of; the error names the nearest that it has.
Status known(const model::Config& config, const model::OverrideKey& key);

}  // namespace weir::control
