// An XDP program that passes every packet, to see what the kernel and a driver do with one.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::doctor {

class XdpTrial {
  public:
    /// Fails without the right to load programs, or in a kernel without XDP.
    static Result<XdpTrial> load();

    /// Whether the kernel has compiled it to the machine's own code.
    bool compiled() const;

    /// Attaches it in the driver and takes it off again. 0, or the errno; EBUSY where a program is already.
    int attach_natively(int ifindex) const;

  private:
    explicit XdpTrial(UniqueFd program) : program_(std::move(program)) {}

    UniqueFd program_;
};

struct AttachedXdp {
    std::string name;
    bool native = false;
};
/// What is attached to an interface of the calling thread's network namespace.
std::optional<AttachedXdp> attached_xdp(int ifindex);

}  // namespace weir::doctor
