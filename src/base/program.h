// What the operator says of a program that weir is to run: which, and as whom. Looked up on this host.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct Account {
    uid_t user = 0;
    gid_t group = 0;

    bool operator==(const Account&) const = default;
};

/// By the user's name or number. A number that nobody has is the group's too.
Result<Account> find_account(std::string_view user);

/// Whether there is such a program, by its absolute path.
Status check_program(const std::string& path);

}  // namespace weir
