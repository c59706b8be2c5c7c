// Takes clients' connections from one listening socket. Where the process has no descriptors left, it looks
// away for a while: the connections wait in the kernel's queue.
#pragma once

#include <functional>

#include "engine/proxy/front.h"
#include "engine/proxy/loop.h"

namespace weir::engine::proxy {

class Acceptor final : public Watcher {
  public:
    using Take = std::function<void(UniqueFd, const net::Endpoint&)>;

    Acceptor(const Around& around, UniqueFd listener, Take take);

    Status open();
    /// No more; the acceptor may be buried.
    void close();
    /// For a while. What there is no memory or no descriptor for is counted.
    void pause();
    int descriptor() const { return listener_.get(); }

    void ready(uint32_t events) override;

  private:
    bool take_one();
    void go_on();

    const Around around_;
    UniqueFd listener_;
    Take take_;
    Alarm alarm_;  // set: it looks away
};

}  // namespace weir::engine::proxy
