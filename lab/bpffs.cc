#include "lab/bpffs.h"

#include <sys/mount.h>
#include <unistd.h>

#include "lab/failure.h"

namespace weir::lab {

PrivateBpffs::PrivateBpffs() {
    UniqueFd context(check(fsopen("bpf", FSOPEN_CLOEXEC), "cannot open a BPF file system"));
    check(fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
          "cannot create a BPF file system");
    root_ = UniqueFd(check(fsmount(context.get(), FSMOUNT_CLOEXEC, 0), "cannot mount a BPF file system"));
    path_ = fmt::format("/proc/{}/fd/{}", getpid(), root_.get());
}

}  // namespace weir::lab
