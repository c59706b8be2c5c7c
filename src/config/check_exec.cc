// The settings of the check that runs a program. The program and its user are looked up when the
// configuration is read.
#include "base/program.h"
#include "config/check_kinds.h"

namespace weir::config {
namespace {

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
        auto nobody = find_account("nobody");
        if (nobody)
            account = *nobody;
        else
            mistakes.add(fields.place_of("command"), "{}; add 'user'", nobody.error().message);
    }
    fields.parsed("user", find_account, account);
    exec.user = account.user;
    exec.group = account.group;
    return exec;
}

}  // namespace weir::config
