// One source's way into its pool: what becomes of the sets that it finds. A set that is too small is not
// taken; what is there stays while the source fails; a backend that goes again and again stays for a while.
// Pure: time is a parameter.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "discovery/source.h"
#include "model/config.h"

namespace weir::control {

/// How a pool wants its sources' sets to be taken.
struct Taking {
    model::Minimum minimum{};
    std::chrono::seconds damping{0};

    bool operator==(const Taking&) const = default;
};

class Feed {
  public:
    using Time = Clock::Time;
    using Members = std::map<net::Ip, discovery::Found>;

    explicit Feed(Taking taking) : taking_(taking) {}

    /// The source has found these. True where members() have changed.
    bool offer(const discovery::Set& set, Time now);

    /// The same, with another way of taking them.
    bool set(Taking taking, Time now);

    /// What there was before: it stays until the source says something. `of_other`: another source had found
    /// it, so that there may be fewer now.
    void recall(Members members, bool of_other);

    /// Lets those go whose time has come. True where members() have changed.
    bool expire(Time now);
    /// When expire() has something to do; nothing while nobody stays longer than the source says.
    std::optional<Time> due() const;

    /// In force: each address once. Of several ports the lowest, of several weights there the highest.
    const Members& members() const { return members_; }
    /// Why the last set is not in force; "" when it is.
    const std::string& held_back() const { return held_back_; }
    /// Members of the last set that another one with the same address stands for.
    size_t duplicates() const { return duplicates_; }
    /// That are gone but stay, because they have come and gone before.
    size_t damped() const { return leaving_.size(); }

  private:
    struct Flaps {
        unsigned times = 0;  // gone, of late
        Time last{};
    };
    bool take(Time now);
    std::string refusal() const;
    Clock::Duration patience_with(const net::Ip& address, Time now) const;
    void note_gone(const net::Ip& address, Time now);

    Taking taking_;
    std::optional<Members> offered_;
    Members members_;
    bool are_of_other_ = false;        // the members
    std::map<net::Ip, Time> leaving_;  // and until when they stay
    std::map<net::Ip, Flaps> flaps_;
    std::string held_back_;
    size_t duplicates_ = 0;
};

}  // namespace weir::control
