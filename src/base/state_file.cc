#include "base/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>

#include "base/read_file.h"
#include "base/unique_fd.h"

namespace weir {
namespace {

constexpr size_t kLargest = 64 << 20;

Status too_large() {
    return fail("it is too large");
}

}  // namespace

/// One byte more than it may have, where it has more.
Result<std::string> StateFile::read() const {
    UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_with(errno, "cannot open it");
    return read_up_to(kLargest + 1, file);
}

Status StateFile::load(const std::function<Status(std::string_view)>& take) {
    struct stat found{};
    if (::lstat(path_.c_str(), &found) != 0 && (errno == ENOENT || errno == ENOTDIR)) return {};
    left_alone_.clear();
    auto text = read();
    if (!text) {
        left_alone_ =
            fmt::format("{} could not be read ({}); it is left as it is, and nothing of it is in force",
                        path_, text.error().message);
        return fail("{}", left_alone_);
    }
    auto taken = text->size() > kLargest ? too_large() : take(*text);
    if (taken) return {};
    auto aside = path_ + ".bad";
    if (::rename(path_.c_str(), aside.c_str()) != 0) {
        auto failed =
            fail_with(errno, "{} is of no use ({}), and cannot be set aside", path_, taken.error().message);
        left_alone_ = failed.error().message;
        return failed;
    }
    return fail("{} was of no use ({}); it is set aside as {}, and nothing of it is in force", path_,
                taken.error().message, aside);
}

Status StateFile::save(std::string_view text) const {
    if (!left_alone_.empty()) return fail("{}", left_alone_);
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

}  // namespace weir
