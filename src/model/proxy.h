// What the proxy engine is told besides what every engine is: values of the configuration. See weir.yaml(5)
// and doc/proxy.md.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir::model {

/// Versions of the PROXY protocol, which tells a server who its client is.
enum class ProxyHeader : uint8_t { none, v1, v2 };

/// Of one service. Rates are in bytes a second, each way; 0: any. Times of 0: any.
struct Proxy {
    std::chrono::milliseconds connect_timeout{3000};  // until the next backend is tried
    unsigned retries = 2;                             // so many more backends are tried
    std::chrono::milliseconds idle_timeout{900000};   // TCP: nothing either way for so long ends it
    std::chrono::milliseconds lifetime{0};            // of a connection, at most
    uint32_t max_connections = 0;                     // of the service at a time; 0: any number
    std::chrono::milliseconds queue_timeout{
        5000};                          // so long one waits for room, or for a backend; 0: not at all
    uint64_t bandwidth = 0;             // of all connections together, in fair shares
    uint64_t connection_bandwidth = 0;  // of each
    bool accept_header = false;         // clients begin with a PROXY header
    ProxyHeader send_header = ProxyHeader::none;   // to backends
    bool transparent = false;                      // backends see the client's address
    std::chrono::seconds keepalive{0};             // TCP keepalive on both sides, after so long
    bool fast_open = false;                        // TCP Fast Open (RFC 7413) on both sides
    std::chrono::milliseconds udp_timeout{30000};  // of an idle session
    uint32_t udp_sessions = 65536;                 // at a time, at most
    bool one_packet = false;                       // UDP: a session ends with its answer

    bool operator==(const Proxy&) const = default;
};

/// Of all services together.
struct ProxyEngine {
    uint16_t workers = 0;                    // threads; 0: one for each core
    uint32_t max_connections = 0;            // at a time; 0: as many as descriptors allow
    std::chrono::milliseconds busy_poll{0};  // so long a worker looks for more before it sleeps
    uint32_t pipe_size = 1 << 20;            // bytes of a pipe that carries bulk, if the kernel gives them

    bool operator==(const ProxyEngine&) const = default;
};

}  // namespace weir::model
