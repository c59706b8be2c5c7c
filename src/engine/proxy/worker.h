// One thread of the proxy: a loop, and a front for each frontend. The control thread gives it snapshots; what
// it has seen stands in the snapshots' tallies.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "engine/proxy/front.h"

namespace weir::engine::proxy {

/// Frontends that could not be listened for, and why.
using Deaf = std::map<model::FrontendKey, std::string>;

class Worker {
  public:
    /// A thread in this one's network namespace. `shared` outlives it.
    static Result<std::unique_ptr<Worker>> start(size_t number, Shared& shared);
    /// Ends its connections.
    ~Worker();
    Worker(const Worker&) = delete;

    /// Returns at once; `done` is called in the worker's thread, when the snapshot is in force.
    void set(std::shared_ptr<const Snapshot> snapshot, std::function<void(Deaf)> done);

  private:
    using Key = model::FrontendKey;
    Worker(size_t number, Shared& shared, std::unique_ptr<Loop> loop);
    Deaf take(const Snapshot& snapshot);
    void leave(std::unique_ptr<Front> front);

    std::unique_ptr<Loop> loop_;
    Around around_;
    std::map<Key, std::unique_ptr<Front>> fronts_;
    std::map<Front*, std::unique_ptr<Front>> leaving_;  // still with connections
    std::jthread thread_;
};

}  // namespace weir::engine::proxy
