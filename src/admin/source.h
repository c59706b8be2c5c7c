// A body that grows while it is sent. On the control thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace weir::admin {

class Source {
  public:
    /// The client has all of it, or is gone, or the server is.
    virtual ~Source() = default;

    /// What has come since the last call; nothing at the end.
    virtual std::optional<std::string> take() = 0;

    /// The client wants no more: the end comes with the next call of take() or the one after it.
    virtual void finish() = 0;

    /// The client is too slow: it is cut off.
    virtual void cut_off() {}

    /// How long to wait when it has nothing.
    virtual std::chrono::milliseconds pause() const { return std::chrono::milliseconds(20); }

    /// For people, in one line, once the end has been reached.
    virtual std::string summary() const = 0;
};

}  // namespace weir::admin
