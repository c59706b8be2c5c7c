// What the subcommands that change a backend by hand have in common.
#pragma once

#include <optional>
#include <string>

#include "cli/subcommand.h"

namespace weir::cli {

/// Whom a command is about.
struct Whom {
    std::string backend;
    std::string service;  // "": everywhere
};

void declare_whom(Options& options, Whom& whom);

/// Writes the address as the daemon does; kBadInput, said, where it is none.
int check(Whom& whom);

/// POSTs the change; `body` has what is asked for beside the backend and service. Tells of what stands in its
/// way: that it is not saved, and services whose own override wins.
int change(const Context& context, Whom& whom, boost::json::object body);

/// The same, and says what is so now, and how it ends.
int change_until_lifted(const Context& context, Whom& whom, boost::json::object body,
                        const std::string& what);

/// The override's row, as it is now; nothing where there is none any more.
Result<std::optional<boost::json::object>> override_now(const Context& context, const Whom& whom);

/// `10.1.10.11`, `10.1.10.11 in service web`.
std::string text_of(const Whom& whom);

/// Prints the warning in an answer of the daemon.
void warn(const boost::json::value& answer);

}  // namespace weir::cli
