// A worker's event loop: epoll and alarms, for descriptors by the ten thousand. One thread runs it and calls
// everything but post() and stop(). Descriptors are watched edge-triggered for both directions at once, so
// that no connection ever costs a second epoll_ctl: who is told of an edge goes on until EAGAIN, or asks for
// another turn.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::engine::proxy {

class Loop;
/// Who goes away leaves the loop's lists by itself.
using Leaves = boost::intrusive::link_mode<boost::intrusive::auto_unlink>;

/// Somebody who is told that a descriptor has become readable, writable or broken.
class Watcher {
  public:
    virtual ~Watcher() = default;
    /// `events`: as epoll has them. Of a turn that was asked for: 0. May still come to one that is buried.
    virtual void ready(uint32_t events) = 0;

  private:
    friend class Loop;
    boost::intrusive::list_member_hook<Leaves> turn_;
};

/// A call at a time to come: none while it is not set. Its owner keeps it, and takes it along; not
/// within the call, though: bury() the owner there.
class Alarm {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Alarm(Loop& loop, std::function<void()> call) : loop_(loop), call_(std::move(call)) {}
    Alarm(const Alarm&) = delete;

    /// Whatever it was set to before; a time that is over is now, after all that is due already. Costs a
    /// tree's insertion, so what moves with each packet is better looked at when it rings.
    void set(Time due);
    void clear() { place_.unlink(); }
    bool is_set() const { return place_.is_linked(); }
    bool operator<(const Alarm& other) const { return due_ < other.due_; }

  private:
    friend class Loop;
    Loop& loop_;
    std::function<void()> call_;
    Time due_{};
    boost::intrusive::set_member_hook<Leaves> place_;
};

class Loop {
  public:
    using Time = Alarm::Time;

    /// Fails where the process has no descriptors left.
    static Result<std::unique_ptr<Loop>> make();
    Loop(const Loop&) = delete;
    /// After whoever uses it, but for those who are buried.
    ~Loop() { let_go(); }

    /// The watcher is called from now on, until the descriptor is closed: who closes it does so before the
    /// watcher goes, and lets that go by bury().
    Status watch(int descriptor, Watcher& watcher);
    /// With these events alone, level-triggered: of listening sockets.
    Status watch_level(int descriptor, Watcher& watcher, uint32_t events);
    void forget(int descriptor);

    /// ready(0) once the others that wait have had their turn; once for all times that it was asked for.
    void turn(Watcher& watcher);
    /// Lets it go after all that is under way: events for it may have been fetched already. It has no turn
    /// any more.
    void bury(std::unique_ptr<Watcher> watcher);

    /// Of the last fetch: good enough for time-outs.
    Time now() const { return now_; }
    /// So long it looks for more without sleeping.
    void spin(std::chrono::nanoseconds span) { spin_ = span; }

    /// From any thread: called in the loop's.
    void post(std::function<void()> call);
    /// From any thread.
    void stop();
    void run();

  private:
    friend class Alarm;
    using Turns = boost::intrusive::list<
        Watcher,
        boost::intrusive::member_hook<Watcher, boost::intrusive::list_member_hook<Leaves>, &Watcher::turn_>,
        boost::intrusive::constant_time_size<false>>;
    using Alarms = boost::intrusive::multiset<
        Alarm,
        boost::intrusive::member_hook<Alarm, boost::intrusive::set_member_hook<Leaves>, &Alarm::place_>,
        boost::intrusive::constant_time_size<false>>;

    Loop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
    int wait_milliseconds() const;
    void fetch(int timeout);
    void take_turns();
    void ring();
    void call_posted();
    void let_go();

    UniqueFd epoll_;
    UniqueFd wake_;
    Time now_ = std::chrono::steady_clock::now();
    Time last_event_{};
    std::chrono::nanoseconds spin_{0};
    Alarms alarms_;
    Turns turns_;
    std::vector<std::unique_ptr<Watcher>> buried_;
    bool stopped_ = false;  // the loop's thread alone

    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;
};

}  // namespace weir::engine::proxy
