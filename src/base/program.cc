#include "base/program.h"

#include <pwd.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <optional>

namespace weir {
namespace {

std::optional<uid_t> read_number(std::string_view text) {
    uid_t number = 0;
    auto [end, error] = std::from_chars(text.begin(), text.end(), number);
    // The last one means "no user" to the kernel.
    if (error != std::errc{} || end != text.end() || number == static_cast<uid_t>(-1)) return std::nullopt;
    return number;
}

}  // namespace

Result<Account> find_account(std::string_view user) {
    std::array<char, 16384> room{};
    passwd entry{};
    passwd* found = nullptr;
    auto number = read_number(user);
    int code = number ? getpwuid_r(*number, &entry, room.data(), room.size(), &found)
                      : getpwnam_r(std::string(user).c_str(), &entry, room.data(), room.size(), &found);
    if (found) return Account{entry.pw_uid, entry.pw_gid};
    if (code != 0) return fail_with(code, "cannot look the user '{}' up", user);
    if (number) return Account{*number, *number};
    return fail("there is no user '{}' on this host; write the name of one", user);
}

Status check_program(const std::string& path) {
    if (!path.starts_with('/')) return fail("'{}' is not an absolute path; begin with '/'", path);
    struct stat file{};
    if (::stat(path.c_str(), &file) != 0)
        return fail_with(errno, "cannot find the program '{}'; give the path of one", path);
    if (!S_ISREG(file.st_mode) || (file.st_mode & 0111) == 0)
        return fail("'{}' is not a program; give the path of an executable file", path);
    return {};
}

}  // namespace weir
