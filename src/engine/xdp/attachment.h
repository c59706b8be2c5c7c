// The program on one interface: a bpf_link that is pinned, so that it outlives the daemon, and that swaps
// programs without a gap.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/config.h"

namespace weir::engine::xdp {

class Attachment {
  public:
    /// Attaches the program, or gives it to the link that a former daemon has pinned at `pin` (empty: not
    /// pinned). `automatic` takes the driver's mode where there is one, else the generic one.
    static Result<Attachment> attach(int ifindex, const model::Interface& interface, int program,
                                     std::string pin);

    /// Exchanges the program; packets meet the one or the other.
    Status use(int program);

    /// Takes the program off the interface.
    void detach();

    /// False once the interface has gone.
    bool alive() const;
    bool native() const { return native_; }
    int ifindex() const { return ifindex_; }
    model::XdpMode wanted() const { return wanted_; }

  private:
    UniqueFd link_;
    std::string pin_;
    int ifindex_ = 0;
    bool native_ = false;
    model::XdpMode wanted_ = model::XdpMode::automatic;
};

}  // namespace weir::engine::xdp
