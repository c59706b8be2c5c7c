// A worker's event loop: epoll and alarms, for descriptors by the ten thousand. One thread runs it and calls
// everything but post() and stop(). Descriptors are watched edge-triggered for both directions at once, so
// that no connection ever costs a second epoll_ctl: who is told of an edge goes on until EAGAIN, or asks for
// another turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::engine::proxy {

class Loop;

/// Somebody who is told that a descriptor has become readable, writable or broken.
class Watcher {
  public:
    virtual ~Watcher() = default;
    /// `events`: as epoll has them. Of a turn that was asked for: 0. May still come to one that is buried.
    virtual void ready(uint32_t events) = 0;
};

/// A call at a time to come: none while it is not set. Its owner keeps it, and takes it along.
class Alarm {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Alarm(Loop& loop, std::function<void()> call) : loop_(loop), call_(std::move(call)) {}
    Alarm(const Alarm&) = delete;
    ~Alarm() { clear(); }

    /// Whatever it was set to before. Costs a tree's insertion, so what moves with each packet is better
    /// looked at when it rings.
    void set(Time due);
    void clear();
    bool is_set() const { return set_; }

  private:
    friend class Loop;
    Loop& loop_;
    std::function<void()> call_;
    bool set_ = false;
    std::multimap<Time, Alarm*>::iterator place_{};
};

class Loop {
  public:
    using Time = Alarm::Time;

    /// Fails where the process has no descriptors left.
    static Result<std::unique_ptr<Loop>> make();
    Loop(const Loop&) = delete;

    /// The watcher is called from now on, until the descriptor is closed: who closes it does so before the
    /// watcher goes, and lets that go by bury().
    Status watch(int descriptor, Watcher& watcher);
    /// With these events alone, level-triggered: of listening sockets.
    Status watch_level(int descriptor, Watcher& watcher, uint32_t events);
    void forget(int descriptor);

    /// ready(0) once the others that wait have had their turn.
    void turn(Watcher& watcher) { turns_.push_back(&watcher); }
    /// Lets it go after all that is under way: events for it may have been fetched already.
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
    Loop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
    int wait_milliseconds() const;
    void fetch(int timeout);
    void take_turns();
    void ring();
    void call_posted();

    UniqueFd epoll_;
    UniqueFd wake_;
    Time now_ = std::chrono::steady_clock::now();
    Time last_event_{};
    std::chrono::nanoseconds spin_{0};
    std::multimap<Time, Alarm*> alarms_;
    std::deque<Watcher*> turns_;
    std::vector<std::unique_ptr<Watcher>> buried_;
    bool stopped_ = false;  // the loop's thread alone

    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;
};

}  // namespace weir::engine::proxy
