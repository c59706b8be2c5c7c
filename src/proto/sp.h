// A queue as nanomsg and nng have it (Scalability Protocols, PUSH and PULL; doc/wire/sp.md): one who pushes
// tokens, many who pull, and each token goes to exactly one of them. Who is above sees these two interfaces
// only; sp_fake.h has others for its tests.
//
// The protocol has no way to ask for a token, so what a consumer has room for is pushed ahead. That is kept
// small, because tokens that were pushed before a change go where the old list says: the pusher chooses a
// token when the kernel has sent all before it, and the puller takes a window of a kilobyte or two, on TCP.
// Between a pusher and a puller of weir lie at most kMostAhead tokens beside those that the puller holds
// (measured with tokens of 20 bytes: 80). What other peers take ahead is theirs: nanomsg and nng some ten
// thousands (doc/adr/0006-sp-codec.md). A token that the kernel has taken for a consumer that then dies is
// lost, as in every implementation.
//
// Everything happens on the executor's one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "proto/sp_url.h"

namespace weir::proto::sp {

constexpr size_t kMostAhead = 200;

/// Pushes for as long as it lives.
class Pusher {
  public:
    virtual ~Pusher() = default;
    /// There may be a token again for those who wait.
    virtual void wake() = 0;
    /// Who would take a token: connected, and known to speak the protocol.
    virtual size_t consumers() const = 0;
};

/// Pulls for as long as it lives; connects again by itself.
class Puller {
  public:
    virtual ~Puller() = default;
    /// The next token, in the order in which they came.
    virtual std::optional<std::string> take() = 0;
    /// Forgets what it holds and what is on the way: it connects anew.
    virtual void drop_all() = 0;
    virtual bool is_connected() const = 0;
};

struct Surroundings {
    boost::asio::any_io_executor executor;
    Clock& clock;  // outlives what is made
};

struct PusherOrder {
    Url url;
    bool dials = false;  // to a consumer that listens
    /// Asked for a token when a consumer can take one; nothing: who waits asks again after wake().
    std::function<std::optional<std::string>()> next;
    /// Why there are no consumers, each time that it is another reason.
    std::function<void(const Error&)> trouble;
};

/// Listens when it returns; or fails, where it cannot. Calls nothing before it has returned.
Result<std::unique_ptr<Pusher>> make_pusher(const Surroundings& around, PusherOrder order);

struct PullerOrder {
    Url url;          // dialled
    size_t hold = 4;  // tokens, at most; it reads no more while it has so many
    /// A token has come, or the connection has come or gone.
    std::function<void()> changed;
    /// Why there is no connection, each time that it is another reason.
    std::function<void(const Error&)> trouble;
};

/// Calls nothing before it has returned.
std::unique_ptr<Puller> make_puller(const Surroundings& around, PullerOrder order);

}  // namespace weir::proto::sp
