// The settings of the check that runs a program. The program and its user are looked up when the
// configuration is read.
#include <pwd.h>
#include <sys/stat.h>

#include <array>

#include "config/check_kinds.h"

namespace weir::config {
namespace {

struct Account {
    uint32_t user = 0;
    uint32_t group = 0;
};

Result<Account> read_account(std::string_view name) {
    std::array<char, 16384> room{};
    passwd entry{};
    passwd* found = nullptr;
    int code = getpwnam_r(std::string(name).c_str(), &entry, room.data(), room.size(), &found);
    if (!found && code != 0) return fail_with(code, "cannot look the user '{}' up", name);
    if (!found) return fail("there is no user '{}' on this host; write the name of one", name);
    return Account{entry.pw_uid, entry.pw_gid};
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

void read_command(const Fields& fields, std::vector<std::string>& command, Mistakes& mistakes) {
    for (const auto& word : fields.items("command")) {
        if (word->kind != Node::Kind::scalar || word->text.contains('\0'))
            mistakes.add(word->place, "an item of 'command' is {}; write a word",
                         word->kind == Node::Kind::scalar ? "no text" : describe(word->kind));
        else
            command.push_back(word->text);
    }
    if (command.empty()) return;
    if (auto good = check_program(command.front()); !good)
        mistakes.note(fields.place_of("command"), good.error().message);
}

}  // namespace

model::Check::Kind read_exec_check(const Fields& fields, Mistakes& mistakes) {
    model::ExecCheck exec;
    read_command(fields, exec.command, mistakes);
    Account account;
    if (!fields.find("user")) {
        auto nobody = read_account("nobody");
        if (nobody)
            account = *nobody;
        else
            mistakes.add(fields.place_of("command"), "{}; add 'user'", nobody.error().message);
    }
    fields.parsed("user", read_account, account);
    exec.user = account.user;
    exec.group = account.group;
    return exec;
}

}  // namespace weir::config
