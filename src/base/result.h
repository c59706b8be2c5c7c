// How weir reports expected failure: a value or an Error, never an exception. Bugs assert instead.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <expected>
#include <string>
#include <system_error>
#include <utility>

namespace weir {

/// Says what failed, where, and what to do about it, in one line for the operator.
struct Error {
    std::string message;

    bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

/// `return fail("cannot do {}", x);` in any function that returns a Result.
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

/// As fail(), with the system's text for `code` (an errno value, of either sign) behind it.
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail_with(int code, fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...) + ": " +
                                 std::generic_category().message(code < 0 ? -code : code)});
}

/// Hands a failed Result's error up, with what the caller was doing in front of it.
template <class T>
[[nodiscard]] std::unexpected<Error> propagate(const Result<T>& failed) {
    return std::unexpected(failed.error());
}
template <class T>
[[nodiscard]] std::unexpected<Error> propagate(const Result<T>& failed, std::string_view doing) {
    return std::unexpected(Error{fmt::format("{}: {}", doing, failed.error().message)});
}

}  // namespace weir
