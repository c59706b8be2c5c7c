// Tokens of a queue: each names the backend of one connection, and is used once. The control thread puts them
// in, workers take them out.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "net/ip.h"

namespace weir::engine::proxy {

class Tokens {
  public:
    /// `on_taken`: there is room, or somebody found none. In the thread of whoever takes.
    Tokens(size_t most, std::function<void()> on_taken) : most_(most), on_taken_(std::move(on_taken)) {}

    void put(const net::Endpoint& backend);
    std::optional<net::Endpoint> take();
    /// Those that name a backend which does not answer.
    void forget(const net::Endpoint& backend);

    /// How many more it is to have.
    size_t room() const;
    /// Somebody has asked since the last put() and got none.
    bool is_wanted() const;

  private:
    const size_t most_;
    const std::function<void()> on_taken_;
    mutable std::mutex mutex_;
    std::deque<net::Endpoint> held_;
    bool wanted_ = false;
};

}  // namespace weir::engine::proxy
