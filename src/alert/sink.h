// Where messages go: a webhook, syslog, the journal. One message at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "alert/message.h"
#include "base/clock.h"

namespace weir::alert {

/// What came of a message.
struct Delivery {
    std::string failure{};                       // "" when it has arrived
    bool again = true;                           // of a failure: it may do better later
    std::optional<std::chrono::seconds> wait{};  // so long the receiver wants to be left alone

    bool ok() const { return failure.empty(); }
    bool operator==(const Delivery&) const = default;
};

class Sink {
  public:
    virtual ~Sink() = default;
    /// Ends within seconds, whatever the receiver does; throws only when its coroutine is cancelled. The
    /// message and the sink outlive it.
    virtual boost::asio::awaitable<Delivery> deliver(const Message& message) = 0;
};

/// Where the alert goes to. Cannot fail: what is wrong shows at each delivery.
/// The clock outlives it.
std::unique_ptr<Sink> make_sink(const model::Alert& alert, Sender sender, Clock& clock);

}  // namespace weir::alert
