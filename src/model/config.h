// What the operator asked for: the configuration file as values, checked, without I/O. See weir.yaml(5).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/ip.h"

namespace weir::model {

enum class Protocol : uint8_t { tcp = 6, udp = 17 };  // IANA protocol numbers

/// What the operator wants of a backend. `draining` keeps its established flows and gets no new ones.
enum class AdminState : uint8_t { enabled, draining, disabled };

struct Backend {
    net::Ip address;
    uint32_t weight = 1;  // 0 … 1000; 0 takes no new flows
    AdminState state = AdminState::enabled;

    bool operator==(const Backend&) const = default;
};

struct Pool {
    std::vector<Backend> backends;  // addresses are distinct

    bool operator==(const Pool&) const = default;
};

struct ServicePort {
    net::Port port{1};
    Protocol protocol = Protocol::tcp;

    auto operator<=>(const ServicePort&) const = default;
};

/// A connection that is opened and closed.
struct TcpCheck {
    bool operator==(const TcpCheck&) const = default;
};

struct StatusRange {
    uint16_t first = 200;
    uint16_t last = 200;

    bool operator==(const StatusRange&) const = default;
};

/// A GET over HTTP/1.1 whose status must lie in one of the ranges.
struct HttpCheck {
    std::string path = "/";
    std::string host;  // of the Host header; empty: the VIP
    std::vector<StatusRange> expect{{200, 200}};

    bool operator==(const HttpCheck&) const = default;
};

struct Check {
    std::variant<TcpCheck, HttpCheck> kind;
    std::optional<net::Port> port;  // default: the service's
    std::chrono::milliseconds interval{2000};
    std::chrono::milliseconds timeout{1000};
    // Up when `rise` of the last `history` probes passed, down when `fall` of them failed.
    unsigned history = 5;
    unsigned rise = 3;
    unsigned fall = 2;

    bool operator==(const Check&) const = default;
};

enum class SchedulerKind : uint8_t { maglev, rendezvous };

struct Scheduler {
    SchedulerKind kind = SchedulerKind::maglev;
    uint32_t table_size = 65537;  // a prime

    auto operator<=>(const Scheduler&) const = default;
};

enum class Forward : uint8_t { dsr };

struct Service {
    std::vector<net::Ip> vips;
    std::vector<ServicePort> ports;
    std::string pool;
    Forward forward = Forward::dsr;
    Scheduler scheduler;
    unsigned need = 1;  // with fewer healthy backends the service counts as down
    std::vector<Check> checks;

    bool operator==(const Service&) const = default;
};

enum class XdpMode : uint8_t { automatic, native, generic };

struct Interface {
    std::string name;
    XdpMode mode = XdpMode::automatic;

    bool operator==(const Interface&) const = default;
};

/// The flow table: how many flows it is made for, and how long an idle flow keeps its backend.
struct Flows {
    uint32_t size = 1 << 20;
    std::chrono::seconds handshake{30};     // TCP, until a second packet comes; the first packet of UDP too
    std::chrono::seconds established{900};  // TCP
    std::chrono::seconds closing{30};       // TCP, after FIN or RST
    std::chrono::seconds udp{300};

    bool operator==(const Flows&) const = default;
};

/// What happens to a packet for a VIP whose port has no service.
enum class Unmatched : uint8_t { drop, pass };

struct Config {
    std::optional<net::Ip> node_address;
    std::vector<Interface> interfaces;
    std::optional<net::Endpoint> admin_listen;
    Flows flows;
    Unmatched unmatched = Unmatched::drop;
    std::map<std::string, Pool> pools;
    std::map<std::string, Service> services;

    bool operator==(const Config&) const = default;
};

std::string_view to_text(Protocol protocol);
std::string_view to_text(AdminState state);
std::string_view to_text(SchedulerKind kind);
std::string_view to_text(Forward forward);
std::string_view to_text(XdpMode mode);

}  // namespace weir::model
