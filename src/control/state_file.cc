#include "control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>

#include "base/unique_fd.h"

namespace weir::control {
namespace {

constexpr size_t kLargest = 64 << 20;

}  // namespace

Result<std::string> StateFile::read() const {
    UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_with(errno, "cannot open it");
    std::string text;
    char bytes[65536];
    ssize_t got = 0;
    while ((got = ::read(file.get(), bytes, sizeof bytes)) > 0) {
        text.append(bytes, static_cast<size_t>(got));
        if (text.size() > kLargest) return fail("it is too large");
    }
    if (got < 0) return fail_with(errno, "cannot read it");
    return text;
}

Status StateFile::load(const std::function<Status(std::string_view)>& take) const {
    struct stat found{};
    if (::lstat(path_.c_str(), &found) != 0 && errno == ENOENT) return {};
    auto text = read();
    auto taken = text ? take(*text) : propagate(text);
    if (taken) return {};
    auto aside = path_ + ".bad";
    if (::rename(path_.c_str(), aside.c_str()) != 0)
        return fail_with(errno, "{} is of no use ({}), and cannot be set aside", path_,
                         taken.error().message);
    return fail("{} was of no use ({}); it is set aside as {}, and nothing of it is in force", path_,
                taken.error().message, aside);
}

Status StateFile::save(std::string_view text) const {
    std::error_code code;
    auto folder = std::filesystem::path(path_).parent_path();
    std::filesystem::create_directories(folder, code);
    if (code) return fail("cannot make {}: {}", folder.string(), code.message());
    if (auto done = replace_with(text); !done) return done;
    // The name is durable only when its folder is.
    UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        return fail_with(errno, "cannot sync {}", folder.string());
    return {};
}

Status StateFile::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
        return fail_with(errno, "cannot remove {}", path_);
    return {};
}

Status StateFile::replace_with(std::string_view text) const {
    auto fresh = path_ + ".new";
    UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return fail_with(errno, "cannot create {}", fresh);
    for (size_t done = 0; done < text.size();) {
        auto written = ::write(file.get(), text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_with(errno, "cannot write {}", fresh);
        done += static_cast<size_t>(written);
    }
    if (::fsync(file.get()) != 0) return fail_with(errno, "cannot sync {}", fresh);
    if (::rename(fresh.c_str(), path_.c_str()) != 0) return fail_with(errno, "cannot replace {}", path_);
    return {};
}

}  // namespace weir::control
