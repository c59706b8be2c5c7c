// The server behind the proxies of bench/proxy.cc: a process with one thread and four ports.
#pragma once

#include <atomic>
#include <cstdint>

#include "lab/process.h"
#include "net/ip.h"

namespace weir::bench {

inline const net::Port kBulkPort(7001);    // TCP: sends without end
inline const net::Port kEchoPort(7002);    // TCP: sends back what comes
inline const net::Port kCountPort(7003);   // UDP: counts what comes
inline const net::Port kAnswerPort(7004);  // UDP: sends back what comes

class ProxyBackend {
  public:
    /// On all of the host's addresses, on one CPU. For owners with one thread.
    ProxyBackend(lab::Host& host, int cpu);
    ~ProxyBackend();
    ProxyBackend(const ProxyBackend&) = delete;
    ProxyBackend& operator=(const ProxyBackend&) = delete;

    /// Datagrams that have come to kCountPort.
    uint64_t counted() const { return counted_->load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t>* counted_;  // in memory that both processes have
    std::optional<lab::Process> process_;
};

}  // namespace weir::bench
