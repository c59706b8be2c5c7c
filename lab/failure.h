// How the lab reports trouble: by throwing. A lab is the ground on which a test, a bench or the demo stands;
// when a piece of it cannot be built there is nothing to decide, only to unwind, and unwinding is what
// removes the rest.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/result.h"

namespace weir::lab {

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws a Failure with this text.
template <class... Args>
[[noreturn]] void give_up(fmt::format_string<Args...> format, Args&&... args) {
    throw Failure(fmt::format(format, std::forward<Args>(args)...));
}

/// `check(::bind(…), "cannot bind {}", x)`: hands a system call's result through; throws with errno's text
/// when it is < 0.
template <class Value, class... Args>
Value check(Value result, fmt::format_string<Args...> format, Args&&... args) {
    if (result < 0) {
        const int code = errno;
        give_up("{}: {}", fmt::format(format, std::forward<Args>(args)...), std::strerror(code));
    }
    return result;
}

/// The value of a Result; its error is thrown.
template <class T>
T must(Result<T> result) {
    if (!result) throw Failure(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace weir::lab
