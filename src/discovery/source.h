// Where backends come from: a source finds whole sets of them, each in place of the one before, and says when
// it cannot. What becomes of a set (that one which is too small is not taken, that the last good one stays
// while the source fails, that sources of one pool are put together) is no concern of a source: see
// control/feed.h. A new kind is a file here that defines one Kind, and one line in kinds.def. Everything
// happens on the executor's one thread; a library that blocks has a thread of its own and posts.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/source.h"
#include "net/ip.h"

namespace weir::discovery {

/// A backend, as a source has found it.
struct Found {
    net::Ip address;
    std::optional<net::Port> port{};
    uint32_t weight = 1;              // 0 … 1000
    uint16_t priority = 0;            // the lowest is used first
    std::vector<std::string> tags{};  // words that say something of it to the operator; no more comes of them

    auto operator<=>(const Found&) const = default;
};

struct Set {
    std::vector<Found> members;  // in any order; the same may be there twice
    /// What stood where a member should, and why it is none.
    std::vector<std::string> refused{};

    bool operator==(const Set&) const = default;
};

/// Whom a source tells. From its executor, and never before make() has returned.
class Listener {
  public:
    virtual ~Listener() = default;

    /// All that there is now. An empty set says that there is nothing; who cannot know calls failed().
    virtual void found(Set set) = 0;

    /// What was found last may be out of date. The source tries again by itself, and calls found() once it
    /// knows.
    virtual void failed(const Error& why) = 0;
};

/// Searches for as long as it lives; its listener is not called any more once it is gone.
class Source {
  public:
    virtual ~Source() = default;
};

struct Surroundings {
    boost::asio::any_io_executor executor;
    Clock& clock;  // outlives the source
};

/// A kind of source.
struct Kind {
    model::SourceKind known;  // to the configuration
    /// `spec`: one that the configuration has accepted. `listener` outlives the source.
    std::unique_ptr<Source> (*make)(const Surroundings& around, const model::SourceSpec& spec,
                                    Listener& listener);
};

}  // namespace weir::discovery
