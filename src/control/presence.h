// Whether VIPs may be announced while the daemon comes and goes: not before it knows who is healthy, nor when
// its datapath is about to go. Pure.
#pragma once

#include <chrono>

#include "model/config.h"

namespace weir::control {

class Presence {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `fresh`: no datapath was at work when the daemon started.
    Presence(bool fresh, Time started) : learning_(fresh), started_(started) {}

    /// `settled`: all checks have had their say. What has been learnt once is not learnt again.
    bool may_announce(const model::Announcing& announcing, bool settled, Time now) {
        if (settled || now - started_ >= announcing.learn) learning_ = false;
        return !learning_ && !withdrawn_;
    }
    bool is_learning() const { return learning_; }

    /// For good.
    void withdraw() { withdrawn_ = true; }

  private:
    bool learning_;
    bool withdrawn_ = false;
    Time started_;
};

}  // namespace weir::control
