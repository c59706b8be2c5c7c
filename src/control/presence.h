// Whether VIPs may be announced while the daemon comes and goes: not before it knows who is healthy and which
// flows there are, nor when its datapath is about to go. Pure.
#pragma once

#include <algorithm>
#include <chrono>

#include "model/config.h"

namespace weir::control {

class Presence {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `fresh`: no datapath was at work when the daemon started.
    Presence(bool fresh, Time started) : learning_(fresh), started_(started) {}

    struct Learnt {
        bool health = false;  // all checks have had their say
        bool flows = false;   // the other balancers have told theirs, or nobody is there to do so
    };

    /// What has been learnt once is not learnt again.
    bool may_announce(const model::Announcing& announcing, const Learnt& learnt, Time now) {
        bool health = learnt.health || now - started_ >= announcing.learn;
        bool flows = learnt.flows || now - started_ >= std::max<Time::duration>(announcing.learn, kFlows);
        if (health && flows) learning_ = false;
        return !learning_ && !withdrawn_;
    }
    bool is_learning() const { return learning_; }

    /// For good.
    void withdraw() { withdrawn_ = true; }

  private:
    static constexpr std::chrono::seconds kFlows{15};  // in which 1 M flows come, and more

    bool learning_;
    bool withdrawn_ = false;
    Time started_;
};

}  // namespace weir::control
