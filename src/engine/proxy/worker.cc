#include "engine/proxy/worker.h"

#include <pthread.h>

#include <algorithm>

namespace weir::engine::proxy {

Result<std::unique_ptr<Worker>> Worker::start(size_t number, Shared& shared) {
    auto loop = Loop::make();
    if (!loop) return propagate(loop);
    return std::unique_ptr<Worker>(new Worker(number, shared, std::move(*loop)));
}

Worker::Worker(size_t number, Shared& shared, std::unique_ptr<Loop> loop)
    : loop_(std::move(loop)), around_{*loop_, number, shared}, thread_([this, number] {
          ::pthread_setname_np(::pthread_self(), fmt::format("weir-proxy-{}", number).c_str());
          loop_->run();
          fronts_.clear();
          leaving_.clear();
      }) {}

Worker::~Worker() {
    loop_->stop();
}

void Worker::set(std::shared_ptr<const Snapshot> snapshot, std::function<void(Deaf)> done) {
    loop_->post([this, snapshot = std::move(snapshot), done = std::move(done)] { done(take(*snapshot)); });
}

void Worker::leave(std::unique_ptr<Front> front) {
    auto* own = front.get();
    leaving_.emplace(own, std::move(front));
    // Within the front's own call, so it may not go yet.
    own->leave([this, own] { loop_->post([this, own] { leaving_.erase(own); }); });
}

Deaf Worker::take(const Snapshot& snapshot) {
    loop_->spin(snapshot.settings.busy_poll);
    auto key_of = [](const auto& route) -> const Key& { return route->key; };
    for (auto each = fronts_.begin(); each != fronts_.end();) {
        auto own = each++;
        if (std::ranges::binary_search(snapshot.routes, own->first, {}, key_of)) continue;
        leave(std::move(own->second));
        fronts_.erase(own);
    }
    Deaf deaf;
    for (const auto& route : snapshot.routes) {
        if (auto known = fronts_.find(route->key); known != fronts_.end()) {
            known->second->set(route);
            continue;
        }
        auto open = route->key.protocol == model::Protocol::udp ? open_udp : open_tcp;
        if (auto front = open(around_, route))
            fronts_.emplace(route->key, std::move(*front));
        else
            deaf.emplace(route->key, front.error().message);
    }
    return deaf;
}

}  // namespace weir::engine::proxy
