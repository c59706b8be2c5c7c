#include "engine/xdp/bpffs.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <filesystem>

namespace weir::engine::xdp {
namespace {

constexpr const char* kUsual = "/sys/fs/bpf";

bool is_bpffs(const std::string& path) {
    struct statfs info{};
    return statfs(path.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

}  // namespace

Status prepare_pins(const std::string& directory) {
    if (directory.starts_with(kUsual) && !is_bpffs(kUsual) &&
        mount("bpf", kUsual, "bpf", 0, "mode=0700") != 0)
        return fail_with(errno, "cannot mount a BPF file system at {}", kUsual);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return fail("cannot create {}: {}", directory, error.message());
    if (!is_bpffs(directory))
        return fail("{} is not on a BPF file system; pins need one (`mount -t bpf bpf DIR`)", directory);
    return {};
}

}  // namespace weir::engine::xdp
