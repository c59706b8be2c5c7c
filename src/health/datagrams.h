// A probe's datagrams or echoes: over a passage, with one deadline for all of them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "health/connection.h"
#include "net/passage.h"

namespace weir::health {

/// Operations end as a Connection's do. Only what comes from the passage's end is received, also its refusal
/// (connection_refused, by ICMP).
class Datagrams {
  public:
    using Code = boost::system::error_code;

    static std::expected<Datagrams, net::NoPassage> over(net::Passage passage,
                                                         const boost::asio::any_io_executor& executor,
                                                         Clock& clock, Clock::Time deadline);

    /// As the passage has it.
    const net::Endpoint& peer() const;

    boost::asio::awaitable<Code> send(std::string_view bytes);
    /// Into `*filled` the number of bytes; of a datagram that is too long the rest is lost.
    boost::asio::awaitable<Code> receive(boost::asio::mutable_buffer into, size_t* filled);

    Datagrams(Datagrams&&) noexcept;
    Datagrams& operator=(Datagrams&&) = delete;
    ~Datagrams();

  private:
    struct State;
    explicit Datagrams(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace weir::health
