// Makes the kernel agree with what is wanted, change by change, and knows what weir has made there.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "engine/ipvs/record.h"
#include "engine/ipvs/unreachable.h"

namespace weir::engine::ipvs {

class Agreement {
  public:
    /// Why changes are made: by a new plan, or because the kernel was found otherwise than it was left.
    enum class Occasion : uint8_t { plan, look };

    Agreement(Clock& clock, std::unique_ptr<Kernel> kernel, Record record);

    /// What the kernel has now. Fails where it has no IPVS; that is said in the log once.
    Status read();
    /// Older than so long it is read again; where that fails, it stays as it was.
    void read_if_older(Clock::Duration age);

    /// Makes the difference between that and what is wanted, and says so in the log. Fails only where the
    /// record cannot be written; then nothing is changed. The rest is in refusals() and foreign().
    Status reach(const Wanted& wanted, Occasion occasion);

    const Contents& contents() const { return contents_; }
    /// How often they have been read.
    uint64_t readings() const { return readings_; }
    const Owned& owned() const { return owned_; }
    const Refusals& refusals() const { return refusals_; }
    const std::set<ServiceKey>& foreign() const { return foreign_; }
    Result<std::optional<net::Endpoint>> find_connection(const Flow& flow) {
        return kernel_->find_connection(flow);
    }

  private:
    Status keep(Owned owned);
    void carry_out(const std::vector<Change>& changes, Occasion occasion, const Owned& former);
    void say(const Change& change, Occasion occasion) const;
    void complain(const std::string& about, const std::string& why);

    Clock& clock_;
    std::unique_ptr<Kernel> kernel_;
    Record record_;
    Owned owned_;
    Contents contents_;
    std::optional<Clock::Time> read_at_;
    uint64_t readings_ = 0;
    Drains drains_;
    Refusals refusals_;
    std::set<ServiceKey> foreign_;
    std::map<std::string, std::string> complaints_;  // of the last time, by what they are about
    std::map<std::string, std::string> former_complaints_;
};

}  // namespace weir::engine::ipvs
