// What bench/proxy.cc compares: weir and its peers, each on a host of its own between the client and the
// backend, on one core and with one thread for the connections:
//
//     client ── eth0 ┤ host N ├ eth1 ── backend
//     10.N.1.2   10.N.1.1   10.N.2.1    10.N.2.2
//
// The first is no proxy: its host forwards the client's packets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/daemon.h"
#include "lab/lab.h"
#include "net/ip.h"

namespace weir::bench {

enum class Kind : uint8_t { direct, weir, weir_busy, haproxy, haproxy_pipes, nginx };
inline constexpr Kind kKinds[] = {Kind::direct,  Kind::weir,          Kind::weir_busy,
                                  Kind::haproxy, Kind::haproxy_pipes, Kind::nginx};

std::string name_of(Kind kind);

class Subject {
  public:
    /// Wires its host. `binary`: of weir.
    Subject(Kind kind, lab::Lab& lab, const std::string& binary);

    Kind kind() const { return kind_; }
    /// HAProxy carries no UDP but logs.
    bool carries_udp() const { return kind_ != Kind::haproxy && kind_ != Kind::haproxy_pipes; }
    /// Where clients connect to.
    net::Endpoint front(net::Port port) const;

    /// On this CPU; what ran before has ended. Returns when a connection goes through; throws lab::Failure
    /// where none does within 15 s.
    void start(int cpu);
    /// 0: there is none.
    pid_t pid() const;
    /// Of one that has ended by itself: what it has said. Else empty.
    std::string last_words() const;

  private:
    void spawn();
    std::string own(int network, int host) const;
    std::string haproxy_config() const;
    std::string nginx_config() const;
    std::string weir_config() const;
    std::string complaint() const;

    Kind kind_;
    std::string binary_;
    lab::Host& client_;
    lab::Host& host_;
    lab::TempDir dir_;
    std::unique_ptr<lab::Process> process_;
    std::unique_ptr<lab::Daemon> daemon_;
};

}  // namespace weir::bench
